#include "autograd/ops/gather_rows.h"

#include "autograd/map.h"
#include "autograd/op.h"
#include "autograd/ops/add.h"
#include "tensor/cuda/replays.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace gather_rows_kernels {

static void forward_cpu(const Tensor& table, const Tensor& ids, Tensor& y) {
  tensor::for_real(table.dtype(), "gather_rows", [&](auto zero) {
    using T = decltype(zero);
    const int64_t columns = table.columns();
    const T* px = table.data<T>();
    const int32_t* id = ids.data<int32_t>();
    T* py = y.data<T>();
    tensor::parallel_for(ids.size(), row_grain(columns), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        if (id[i] < 0) std::fill_n(py + i * columns, columns, T{0});
        else std::copy_n(px + id[i] * columns, columns, py + i * columns);
      }
    });
  });
}

// A stable counting sort.
static void sort_by_id(const Tensor& ids, int64_t rows, Positions& sorted) {
  const int32_t* id = ids.data<int32_t>();
  std::fill_n(sorted.start.data<int32_t>(), rows + 2, 0);
  // next[r + 1] counts id r at first; next[r] is then where its next position goes, and at last where those of r + 1 begin.
  int32_t *next = sorted.start.data<int32_t>() + 1, *position = sorted.position.data<int32_t>();
  for (int64_t i = 0; i < ids.size(); ++i) next[id[i] + 1] += id[i] >= 0;
  for (int64_t r = 1; r <= rows; ++r) next[r] += next[r - 1];
  for (int64_t i = 0; i < ids.size(); ++i) {
    if (id[i] >= 0) position[next[id[i]]++] = static_cast<int32_t>(i);
  }
}

Positions sort_by_id(const Tensor& ids, int64_t rows) {
  Positions sorted{Tensor({rows + 2}, DType::i32), Tensor({ids.size()}, DType::i32)};
  tensor::cuda::every_run({sorted.start, sorted.position}, [=]() mutable { sort_by_id(ids, rows, sorted); });
  return sorted;
}

// A row that more ids than this name is summed in pieces, so that a table of few rows keeps all threads busy.
constexpr int64_t kPiece = 512;

static void backward_cpu(const Tensor& dy, const Tensor& ids, bool add, Tensor& dtable) {
  const int64_t rows = dtable.rows(), columns = dtable.columns();
  const Positions sorted = sort_by_id(ids, rows);
  const int32_t *start = sorted.start.data<int32_t>(), *position = sorted.position.data<int32_t>();
  struct Piece {
    int64_t row, begin, end;
  };
  std::vector<Piece> pieces;
  for (int64_t r = 0; r < rows; ++r) {
    if (start[r + 1] - start[r] <= kPiece) continue;
    for (int64_t e = start[r]; e < start[r + 1]; e += kPiece) {
      pieces.push_back({r, e, std::min<int64_t>(e + kPiece, start[r + 1])});
    }
  }
  tensor::for_real(dy.dtype(), "gather_rows", [&](auto zero) {
    using T = decltype(zero);
    const auto& simd = tensor::simd<T>();
    const T* pdy = dy.data<T>();
    T* out = dtable.data<T>();
    tensor::parallel_for(rows, row_grain(columns), [&](int64_t begin, int64_t end) {
      std::vector<T> sum(add ? columns : 0);
      for (int64_t r = begin; r < end; ++r) {
        const int64_t count = start[r + 1] - start[r];
        T* row = out + r * columns;
        if (add && (count == 0 || count > kPiece)) continue;
        if (count > kPiece) std::fill_n(row, columns, T{0});
        else simd.gather_sum(position + start[r], nullptr, count, pdy, columns, add ? sum.data() : row);
        if (add) simd.add(row, sum.data(), row, columns);
      }
    });
    Tensor memory({static_cast<int64_t>(pieces.size()), columns}, dy.dtype());
    T* parts = memory.data<T>();
    tensor::parallel_for(memory.rows(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        const auto [row, first, last] = pieces[p];
        simd.gather_sum(position + first, nullptr, last - first, pdy, columns, parts + p * columns);
      }
    });
    for (size_t p = 0; p < pieces.size(); ++p) {
      T* row = out + pieces[p].row * columns;
      simd.add(row, parts + p * columns, row, columns);
    }
  });
}

constinit decltype(forward) forward{"gather_rows.forward", forward_cpu};
constinit decltype(backward) backward{"gather_rows.backward", backward_cpu};

}  // namespace gather_rows_kernels

static std::vector<Sample> gather_rows_samples(tensor::Generator& rng) {
  const auto gather = [](std::vector<int32_t> ids) {
    return [ids = Tensor::from(ids)](const Inputs& in) { return gather_rows(in[0], ids); };
  };
  std::vector<int32_t> many;  // more of one id than fit into a piece
  for (int i = 0; i < 1200; ++i) many.push_back(i % 7 == 0);
  const std::vector<int32_t> reversed(many.rbegin(), many.rend());
  return {{{random_tensor({5, 3}, rng)}, gather({4, 0, 4, -1, 2, 4})},  // a repeated, a missing and an unused row
          {{random_tensor({1, 1}, rng)}, gather({0})},
          {{random_tensor({2, 2}, rng)}, gather(many)},
          {{random_tensor({2, 2}, rng)}, [=](const Inputs& in) { return add(gather(many)(in), gather(reversed)(in)); }}};
}
static const Op gather_rows_op("gather_rows", gather_rows_samples);

// Ids that a kernel made are in range, and may be on the device.
static void require_ids(const Tensor& table, const Tensor& ids) {
  if (ids.device() != tensor::Device::cpu) return;
  const auto all = ids.span<int32_t>();
  const auto wrong = std::find_if(all.begin(), all.end(), [rows = table.rows()](int32_t id) { return id < -1 || id >= rows; });
  if (wrong == all.end()) return;
  tensor::fail(tensor::Fault::usage, "gather_rows: id ", *wrong, " at position ", wrong - all.begin(), ", table is ", table.shape(),
               "; ids must be -1 (no row) or from 0 to ", table.rows() - 1);
}

Var gather_rows(const Var& table, const Tensor& ids) {
  tensor::require(table.shape().rank() == 2 && ids.shape().rank() == 1 && ids.dtype() == DType::i32,
                  "gather_rows: table is ", table.shape(), ", ids are ", ids.shape(), " ", ids.dtype(),
                  "; table must be [n,d], ids i32 [m]");
  const Tensor x = table.value();
  require_ids(x, ids);
  Tensor y({ids.size(), x.columns()}, x.dtype(), x.device());
  gather_rows_kernels::forward(x, ids, y);
  return record(gather_rows_op, {table}, y, [ids](const Tensor& dy, Wanted wanted) -> Gradients {
    auto [dtable, add] = wanted.target(0);
    gather_rows_kernels::backward(dy, ids, add, dtable);
    return {dtable};
  });
}

}  // namespace autograd
