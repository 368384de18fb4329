// The emulation itself: barriers, shuffles and shared memory mean what they mean on a GPU, and wrong kernels are found.
#include <numeric>

#include "tensor/cuda/device.h"
#include "tensor/cuda/rows.h"
#include "tests/catch.h"

using emulation::Order;
using tensor::Device;
using tensor::DType;
using tensor::Tensor;
using tensor::cuda::launch;
using tests::error_of;

namespace {

// Every thread hands its number to the next one of the block, through shared memory.
void rotate_kernel(int* out) {
  int* memory = tensor::cuda::shared_memory<int>();
  memory[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncthreads();
  out[blockIdx.x * blockDim.x + threadIdx.x] = memory[(threadIdx.x + 1) % blockDim.x];
}
void rotate_without_barrier_kernel(int* out) {
  int* memory = tensor::cuda::shared_memory<int>();
  memory[threadIdx.x] = static_cast<int>(threadIdx.x);
  out[threadIdx.x] = memory[(threadIdx.x + 1) % blockDim.x];
}
void ballot_kernel(unsigned* out) { out[threadIdx.x] = __ballot_sync(0xffffffffu, threadIdx.x % 3 == 0); }
void sum_kernel(float* out) { out[threadIdx.x] = tensor::cuda::warp_sum(static_cast<float>(threadIdx.x % 32)); }
void early_end_kernel(int*) {
  if (threadIdx.x == 5) return;
  __syncthreads();
}
void missing_lane_kernel(float* out) {
  if (threadIdx.x < 16) out[threadIdx.x] = tensor::cuda::warp_sum(1.f);
}
void overrun_kernel(int*) { tensor::cuda::shared_memory<char>()[threadIdx.x + 1] = 1; }

Tensor ints(int64_t count) {
  tensor::cuda::open();
  return Tensor::zeros({count}, DType::i32, Device::cuda);
}

struct OrderScope {
  explicit OrderScope(Order order) { emulation::set_order(order); }
  ~OrderScope() { emulation::set_order(Order::forward); }
};

}  // namespace

TEST_CASE("emulated threads meet at barriers, in any order", "[cuda][emulation]") {
  for (const Order order : {Order::forward, Order::reversed, Order::shuffled}) {
    const OrderScope scope(order);
    Tensor out = ints(3 * 64);
    launch("rotate", dim3(3), dim3(64), 64 * sizeof(int), rotate_kernel, out.data<int32_t>());
    const std::vector<int32_t> got = out.to_vector<int32_t>();
    for (int i = 0; i < 3 * 64; ++i) REQUIRE(got[i] == (i + 1) % 64);
  }
}

TEST_CASE("a missing barrier shows, whatever the order", "[cuda][emulation]") {
  for (const Order order : {Order::forward, Order::reversed, Order::shuffled}) {
    const OrderScope scope(order);
    Tensor out = ints(64);
    launch("rotate", dim3(1), dim3(64), 64 * sizeof(int), rotate_without_barrier_kernel, out.data<int32_t>());
    std::vector<int32_t> right(64);
    for (int i = 0; i < 64; ++i) right[i] = (i + 1) % 64;
    CHECK(out.to_vector<int32_t>() != right);
  }
}

TEST_CASE("emulated warps shuffle and vote", "[cuda][emulation]") {
  Tensor votes = ints(64), sums = Tensor::zeros({64}, DType::f32, (tensor::cuda::open(), Device::cuda));
  launch("ballot", dim3(1), dim3(32), 0, ballot_kernel, reinterpret_cast<unsigned*>(votes.data<int32_t>()));
  launch("sum", dim3(1), dim3(64), 0, sum_kernel, sums.data<float>());
  CHECK(votes.to_vector<int32_t>()[7] == static_cast<int32_t>(0x49249249u));
  CHECK(sums.to_vector<float>() == std::vector<float>(64, 31 * 16));
}

TEST_CASE("wrong kernels are errors of the emulation", "[cuda][emulation]") {
  Tensor out = ints(64), x = Tensor::zeros({64}, DType::f32, Device::cuda);
  int* p = out.data<int32_t>();
  using tests::Contains;
  CHECK_THAT(error_of([&] { launch("k", dim3(1), dim3(64), 0, early_end_kernel, p); }), Contains("others have ended"));
  CHECK_THAT(error_of([&] { launch("k", dim3(1), dim3(32), 0, missing_lane_kernel, x.data<float>()); }),
             Contains("have ended"));
  CHECK_THAT(error_of([&] { launch("k", dim3(1), dim3(32), 32, overrun_kernel, p); }), Contains("past its 32 bytes"));
  CHECK_THAT(error_of([&] { launch("k", dim3(1), dim3(33), 0, rotate_kernel, p); }), Contains("cannot be launched"));
  int host = 0;
  CHECK_THAT(error_of([&] { launch("k", dim3(1), dim3(32), 0, rotate_kernel, &host); }), Contains("points to host memory"));
  launch("rotate", dim3(1), dim3(64), 64 * sizeof(int), rotate_kernel, p);  // and it goes on working
  CHECK(out.to_vector<int32_t>()[63] == 0);
}

TEST_CASE("index tensors are copied once, and a change of them is noticed", "[cuda][emulation]") {
  tensor::cuda::open();
  Tensor ids = Tensor::from<int32_t>({3, 1, 2});
  const int32_t* first = tensor::cuda::indices(ids);
  CHECK(tensor::cuda::indices(ids) == first);
  ids.data<int32_t>()[1] = 7;
  CHECK_THAT(error_of([&] { tensor::cuda::indices(ids); }), tests::Contains("was changed after an operation had seen it"));
  CHECK_THAT(error_of([&] { tensor::cuda::floats(Tensor::zeros({3})); }),
             tests::Contains("f32 tensor [3] on cpu; it takes f32 on cuda"));
}

TEST_CASE("tensors move between the devices unharmed, large ones too", "[cuda][emulation]") {
  tensor::cuda::open();
  Tensor x({3 << 20}, DType::f32);  // more than the staging memory holds
  float* p = x.data<float>();
  std::iota(p, p + x.size(), 0.f);
  const Tensor there = x.to(Device::cuda), back = there.clone().to(Device::cpu);
  CHECK(std::equal(p, p + x.size(), back.data<float>()));
  CHECK(there.row_range(12, 13).item() == 12);
  Tensor filled({5}, DType::i32, Device::cuda);
  filled.fill(3);
  CHECK(filled.to_vector<int32_t>() == std::vector<int32_t>(5, 3));
}
