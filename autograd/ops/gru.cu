// All sequences advance together, the longest first: those with a token at step t come before the others.
#include "autograd/ops/gru.h"

#include <algorithm>
#include <numeric>

#include "tensor/cuda/gemm.h"
#include "tensor/cuda/map.h"
#include "tensor/cuda/sums.h"

namespace autograd::gru_kernels {

using tensor::cuda::floats;

namespace {

struct Schedule {
  std::vector<int64_t> active;  // sequences per step
  Tensor first;                 // i64 on the device: the first token of each, as bytes
};

Schedule schedule_of(const Tensor& offsets) {
  const auto at = offsets.span<int32_t>();
  const int64_t sequences = offsets.size() - 1;
  std::vector<int64_t> order(static_cast<size_t>(sequences)), first;
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return at[a + 1] - at[a] > at[b + 1] - at[b]; });
  Schedule schedule;
  for (const int64_t s : order) {
    first.push_back(at[s]);
    const size_t length = static_cast<size_t>(at[s + 1] - at[s]);
    if (schedule.active.size() < length) schedule.active.resize(length);
    for (size_t t = 0; t < length; ++t) ++schedule.active[t];
  }
  schedule.first = tensor::cuda::upload(first);
  return schedule;
}

}  // namespace

static void forward_cuda(const Tensor& x, const Tensor& u, const Tensor& c, const Tensor& offsets, Tensor& h,
                         Tensor& gates) {
  const int64_t width = u.rows();
  const Schedule schedule = schedule_of(offsets);
  const auto* first = reinterpret_cast<const int64_t*>(schedule.first.raw());
  Tensor state = Tensor::zeros({offsets.size() - 1, width}, x.dtype(), x.device()),
         hu = tensor::cuda::scratch(3 * state.size());
  const float *px = floats(x), *pc = floats(c), *phu = floats(hu);
  float *own = floats(state), *ph = floats(h), *pg = floats(gates);
  for (size_t t = 0; t < schedule.active.size(); ++t) {
    const int64_t active = schedule.active[t];
    tensor::cuda::gemm(false, false, active, 3 * width, width, own, width, floats(u), 3 * width, floats(hu), 3 * width);
    tensor::cuda::for_each("gru.forward", active * width, [=] __device__(int64_t e) {
      const int64_t i = e / width, j = e % width, row = first[i] + static_cast<int64_t>(t);
      const float *in = px + row * 3 * width + j, *product = phu + i * 3 * width + j;
      const float r = 1 / (1 + expf(-(in[0] + product[0]))), z = 1 / (1 + expf(-(in[width] + product[width])));
      const float m = product[2 * width] + pc[j], n = tanhf(in[2 * width] + r * m);
      float* gate = pg + row * 4 * width + j;
      gate[0] = r, gate[width] = z, gate[2 * width] = n, gate[3 * width] = m;
      own[e] = (1 - z) * n + z * own[e];
      ph[row * width + j] = own[e];
    });
  }
}

static void backward_cuda(const Tensor& u, const Tensor& offsets, const Tensor& h, const Tensor& gates, const Tensor& dh,
                          Tensor& dx, Tensor& du, Tensor& dc) {
  const int64_t width = u.rows(), tokens = h.rows();
  const Schedule schedule = schedule_of(offsets);
  const auto* first = reinterpret_cast<const int64_t*>(schedule.first.raw());
  Tensor before = Tensor::zeros(h.shape(), h.dtype(), h.device()), dhu = Tensor::like(dx);  // state before the token; of h U
  Tensor carried = Tensor::zeros({offsets.size() - 1, width}, h.dtype(), h.device()),
         now = tensor::cuda::scratch(3 * carried.size());
  const float *ph = floats(h), *pg = floats(gates), *pdh = floats(dh);
  float *own = floats(carried), *to = floats(now), *pdx = floats(dx), *pdhu = floats(dhu), *pb = floats(before);
  for (size_t t = schedule.active.size(); t-- > 0;) {
    const int64_t active = schedule.active[t];
    tensor::cuda::for_each("gru.backward", active * width, [=] __device__(int64_t e) {
      const int64_t i = e / width, j = e % width, row = first[i] + static_cast<int64_t>(t);
      const float* gate = pg + row * 4 * width + j;
      const float r = gate[0], z = gate[width], n = gate[2 * width], m = gate[3 * width];
      const float previous = t > 0 ? ph[(row - 1) * width + j] : 0.f, g = own[e] + pdh[row * width + j];
      const float dn = g * (1 - z) * (1 - n * n), dr = dn * m * r * (1 - r), dz = g * (previous - n) * z * (1 - z);
      float *out = pdx + row * 3 * width + j, *product = pdhu + row * 3 * width + j, *step = to + i * 3 * width + j;
      out[0] = product[0] = step[0] = dr;
      out[width] = product[width] = step[width] = dz;
      out[2 * width] = dn, product[2 * width] = step[2 * width] = dn * r;
      pb[row * width + j] = previous;
      own[e] = g * z;
    });
    tensor::cuda::gemm(false, true, active, width, 3 * width, to, 3 * width, floats(u), 3 * width, own, width, true);
  }
  tensor::cuda::gemm(true, false, width, 3 * width, tokens, pb, width, pdhu, 3 * width, floats(du), 3 * width);
  tensor::cuda::sum_rows("gru.dc", tokens, width, tensor::cuda::RowParts{pdhu + 2 * width, 3 * width}, floats(dc));
}

static const bool gru_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::gru_kernels
