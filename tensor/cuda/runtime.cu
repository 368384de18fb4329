// One device, one stream. Memory comes from the caching allocator (tensor/allocator.h); copies go through pinned staging.
#include "tensor/cuda/runtime.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <unordered_map>

#include "tensor/allocator.h"
#include "tensor/cuda/device.h"
#include "tensor/cuda/gemm.h"
#include "tensor/cuda/libraries.h"
#include "tensor/cuda/rounding.h"
#include "tensor/cuda/uploads.h"
#include "tensor/elementwise.h"

namespace tensor::cuda {

namespace {

constexpr int64_t kStaging = 4 << 20;           // bytes of each half of the staging memory
constexpr int64_t kBlasWorkspace = 32 << 20;    // what NVIDIA recommends for Hopper
constexpr int64_t kArrivals = 1 << 16;          // as many as a grid may have blocks along y

struct State {
  cudaStream_t stream = nullptr;
  Blas blas;
  cublasHandle_t handle = nullptr;
  Tensor blas_workspace, arrivals;
  std::byte* staging = nullptr;                 // two halves, used in turns
  cudaEvent_t staged[2] = {};                   // the copies out of a half are done
  int half = 0;
  int64_t used = 0;                             // of the current half
  std::string description;
  int64_t most_shared_memory = 0;
  int64_t launches = 0, synchronizations = 0;
  std::unordered_map<const void*, size_t> shared_memory;  // bytes that a kernel may take, of those that asked
};

State& state() {
  static State& s = *new State;                 // never destroyed, as the allocator
  return s;
}

void* device_allocate(size_t bytes) {
  void* memory = nullptr;
  if (cudaMalloc(&memory, bytes) == cudaSuccess) return memory;
  cudaGetLastError();  // clears it: the allocator releases what is cached and tries again
  return nullptr;
}

void device_release(void* memory, size_t) {
  synchronize();  // kernels that use it may still be running
  cudaFree(memory);
}

// Room in pinned memory, valid until the copy out of it that is launched next. Not while a step is recorded.
std::byte* stage(int64_t bytes) {
  State& s = state();
  if (s.used + bytes > kStaging) {
    check(cudaEventRecord(s.staged[s.half], s.stream), "staging");
    s.half ^= 1, s.used = 0;
    check(cudaEventSynchronize(s.staged[s.half]), "staging");
  }
  std::byte* room = s.staging + s.half * kStaging + s.used;
  s.used += (bytes + 63) / 64 * 64;
  return room;
}

void copy_between(void* destination, Device to, const void* source, Device from, int64_t bytes);

void copy_to_device(void* destination, const void* source, int64_t bytes) {
  if (bytes > 0 && capturing()) {
    if (const Tensor sent = uploads().put(source, bytes); sent.defined()) {
      return copy_between(destination, Device::cuda, sent.raw(), Device::cuda, bytes);
    }
    leave_capture();
  }
  for (int64_t done = 0; done < bytes;) {
    const int64_t part = std::min(bytes - done, kStaging);
    std::byte* room = stage(part);
    std::memcpy(room, static_cast<const std::byte*>(source) + done, static_cast<size_t>(part));
    check(cudaMemcpyAsync(static_cast<std::byte*>(destination) + done, room, static_cast<size_t>(part),
                          cudaMemcpyHostToDevice, state().stream),
          "copy to the device");
    done += part;
  }
}

void copy_between(void* destination, Device to, const void* source, Device from, int64_t bytes) {
  if (to == Device::cpu && from == Device::cpu) {
    std::memcpy(destination, source, static_cast<size_t>(bytes));
  } else if (from == Device::cpu) {
    copy_to_device(destination, source, bytes);
  } else if (to == Device::cuda) {
    check(cudaMemcpyAsync(destination, source, static_cast<size_t>(bytes), cudaMemcpyDeviceToDevice, stream()), "copy");
  } else {
    leave_capture();
    check(cudaMemcpyAsync(destination, source, static_cast<size_t>(bytes), cudaMemcpyDeviceToHost, stream()),
          "copy to the host");
    synchronize();
  }
}

std::string version_text(int version) { return join(version / 1000, ".", version % 1000 / 10); }

std::string failed(const char* what, cudaError_t status) { return join(what, ": ", cudaGetErrorString(status)); }

std::string open_device() {
  State& s = state();
  int driver = 0, runtime = 0, count = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  if (driver == 0) return "no NVIDIA driver was found (libcuda.so.1)";
  if (const cudaError_t e = cudaGetDeviceCount(&count); e != cudaSuccess) {
    return join(failed("the NVIDIA driver answers", e), " (driver ", version_text(driver), ", runtime ",
                version_text(runtime), ")");
  }
  if (count == 0) return "the NVIDIA driver sees no GPU";
  cudaDeviceProp device{};
  if (const cudaError_t e = cudaGetDeviceProperties(&device, 0); e != cudaSuccess) return failed("GPU 0", e);
  if (device.major < 8) {
    return join("GPU 0, ", device.name, ", has compute capability ", device.major, ".", device.minor,
                "; 8.0 or more is needed");
  }
  if (const cudaError_t e = cudaSetDevice(0); e != cudaSuccess) return failed(device.name, e);
  if (std::string missing = open_blas(s.blas); !missing.empty()) return missing;
  if (const cudaError_t e = cudaStreamCreateWithFlags(&s.stream, cudaStreamNonBlocking); e != cudaSuccess) {
    return failed(device.name, e);
  }
  if (const cudaError_t e = cudaMallocHost(reinterpret_cast<void**>(&s.staging), 2 * kStaging); e != cudaSuccess) {
    return failed("pinned memory", e);
  }
  for (cudaEvent_t& event : s.staged) {
    if (const cudaError_t e = cudaEventCreateWithFlags(&event, cudaEventDisableTiming); e != cudaSuccess)
      return failed("event", e);
  }
  if (const cublasStatus_t e = s.blas.create(&s.handle); e != CUBLAS_STATUS_SUCCESS)
    return join("cuBLAS: ", s.blas.text_of(e));
  s.most_shared_memory = static_cast<int64_t>(device.sharedMemPerBlockOptin);
  int blas = 0;
  s.blas.version(s.handle, &blas);
  s.description = join(device.name, ", compute capability ", device.major, ".", device.minor, ", ",
                       device.totalGlobalMem >> 30, " GiB, driver ", version_text(driver), ", runtime ",
                       version_text(runtime), ", cuBLAS ", blas / 10000, ".", blas / 100 % 100, ".", blas % 100);
  return "";
}

void check_blas(cublasStatus_t status, const char* what) {
  require(Fault::resources, status == CUBLAS_STATUS_SUCCESS, "cuda: cuBLAS ", what, ": ", state().blas.text_of(status),
          "; try --device cpu");
}

void install() {
  State& s = state();
  set_memory_source(Device::cuda, {device_allocate, device_release, test_hooks.freed});
  set_device_copy(copy_between);
  s.blas_workspace = Tensor({kBlasWorkspace}, DType::u8, Device::cuda);  // of our own: the same algorithms, also in graphs
  s.arrivals = Tensor::zeros({kArrivals}, DType::i32, Device::cuda);
  check_blas(s.blas.set_stream(s.handle, s.stream), "stream");
  check_blas(s.blas.set_workspace(s.handle, s.blas_workspace.raw(), kBlasWorkspace), "workspace");
}

// Device copies of host tensors: for as long as the host memory lives, or for one recorded step.
struct Cached {
  std::weak_ptr<std::byte> host;
  Tensor copy;
  int64_t step;  // 0: as long as the host memory lives
};
std::map<std::pair<const void*, int64_t>, Cached>& cached_copies() {
  static auto& copies = *new std::map<std::pair<const void*, int64_t>, Cached>;
  return copies;
}

// A tensor that a recorded step sees for the first time is most likely a part of its batch, and goes with the step's uploads.
Cached new_copy(const Tensor& host, bool known) {
  if (capturing() && !known) {
    if (const Tensor copy = uploads().put(host.raw(), host.bytes()); copy.defined()) {
      return {host.memory(), copy, uploads().step()};
    }
  }
  return {host.memory(), host.to(Device::cuda), 0};
}

std::vector<Tensor>* kept_copies = nullptr;

const Tensor& device_copy(const Tensor& host) {
  constexpr size_t kSweep = 256;  // entries at which those of freed tensors are dropped
  auto& copies = cached_copies();
  static size_t sweep_at = kSweep;
  if (copies.size() >= sweep_at && !capturing()) {
    drop_expired_copies();
    sweep_at = std::max(kSweep, 2 * copies.size());
  }
  Cached& entry = copies[{host.raw(), host.bytes()}];
  const bool known = entry.copy.defined() && !entry.host.expired();
  if (known && (entry.step == 0 || entry.step == uploads().step())) {
    if (test_hooks.cached) test_hooks.cached(host.raw(), entry.copy.raw(), host.bytes());
    if (kept_copies && entry.step == 0) kept_copies->insert(kept_copies->end(), {host, entry.copy});
    return entry.copy;
  }
  entry = new_copy(host, known);
  if (test_hooks.copied) test_hooks.copied(host.raw(), entry.copy.raw(), host.bytes());
  return entry.copy;
}

}  // namespace

constinit TestHooks test_hooks;

std::string open() {
  static const std::string missing = [] {
    std::string text = open_device();
    if (!text.empty()) return text;
    try {
      install();
    } catch (const Error& error) {  // its memory is in use by others, or no code of ours fits it
      text = error.what();
    }
    return text;
  }();
  return missing;
}

std::string description() { return state().description; }
cudaStream_t stream() { return state().stream; }
int64_t launches() { return state().launches; }
void count_launches(int64_t count) { state().launches += count; }
void count_wait() { ++state().synchronizations; }
int64_t synchronizations() { return state().synchronizations; }
void allow_shared_memory(const char* name, const void* kernel, size_t bytes) {
  constexpr size_t kWithoutAsking = 48 << 10;
  if (bytes <= kWithoutAsking) return;
  size_t& most = state().shared_memory[kernel];
  if (bytes <= most) return;
  require(Fault::resources, static_cast<int64_t>(bytes) <= most_shared_memory(), "cuda: ", name, ": a block needs ", bytes,
          " bytes of shared memory, this GPU has ", most_shared_memory(), "; ask for less (shorter lists), or use --device cpu");
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)), name);
  most = bytes;
}
int64_t most_shared_memory() { return state().most_shared_memory; }
void synchronize() {
  leave_capture();
  count_wait();
  check(cudaStreamSynchronize(stream()), "waiting for the device");
}
void bind_copy(const Tensor& ids, const Tensor& copy) {
  cached_copies()[{ids.raw(), ids.bytes()}] = {ids.memory(), copy, uploads().step()};
  if (test_hooks.copied) test_hooks.copied(ids.raw(), copy.raw(), ids.bytes());
}
void keep_used_copies(std::vector<Tensor>* kept) { kept_copies = kept; }
void drop_expired_copies() {
  std::erase_if(cached_copies(), [](const auto& entry) { return entry.second.host.expired(); });
}
void forget_copies() { cached_copies().clear(); }

void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess) cudaGetLastError();  // clears it, or the next launch would be blamed
  require(Fault::resources, status == cudaSuccess, "cuda: ", what, ": ", cudaGetErrorString(status),
          "; try --device cpu, and report this if it comes back");
}

static void require_on_device(const Tensor& x) {
  require(Fault::bug, x.device() == Device::cuda && x.dtype() == DType::f32, "cuda: a kernel was given a ", x.dtype(),
          " tensor ", x.shape(), " on ", x.device(), "; it takes f32 on cuda");
}
float* floats(Tensor& x) { return require_on_device(x), x.data<float>(); }
const float* floats(const Tensor& x) { return require_on_device(x), x.data<float>(); }

const int32_t* indices(const Tensor& ids) {
  if (ids.device() == Device::cuda) return ids.data<int32_t>();
  tensor::check(ids.dtype() == DType::i32, "indices are ", ids.dtype());
  return reinterpret_cast<const int32_t*>(device_copy(ids).raw());
}

const float* constants(const Tensor& values) {
  if (values.device() == Device::cuda) return floats(values);
  tensor::check(values.dtype() == DType::f32, "constants are ", values.dtype());
  return reinterpret_cast<const float*>(device_copy(values).raw());
}

const int64_t* places(const Tensor& starts) {
  tensor::check(starts.dtype() == DType::i64 && starts.device() == Device::cpu, "places are ", starts.dtype());
  return reinterpret_cast<const int64_t*>(device_copy(starts).raw());
}

Tensor upload(const void* data, int64_t bytes) {
  if (bytes > 0 && capturing()) {
    if (Tensor copy = uploads().put(data, bytes); copy.defined()) return copy;
  }
  Tensor copy({bytes}, DType::u8, Device::cuda);
  if (bytes > 0) copy_to_device(copy.raw(), data, bytes);
  return copy;
}

Tensor scratch(int64_t count, DType dtype) { return Tensor({count}, dtype, Device::cuda); }

unsigned* arrivals(int64_t count) {
  tensor::check(count <= kArrivals, "cuda: ", count, " counters");
  return reinterpret_cast<unsigned*>(state().arrivals.raw());
}

// A row-major matrix is the transpose of a column-major one: C^T = op(B)^T op(A)^T.
namespace {
cublasOperation_t op(bool transposed) { return transposed ? CUBLAS_OP_T : CUBLAS_OP_N; }

void gemm_batched_of_rounded(bool transpose_a, bool transpose_b, int64_t batch, int64_t m, int64_t n, int64_t k,
                             const float* a, const float* b, float* c) {
  const int64_t a_rows = transpose_a ? k : m, a_columns = transpose_a ? m : k;
  const int64_t b_rows = transpose_b ? n : k, b_columns = transpose_b ? k : n;
  const RoundedMatrix ra = round_matrix(a, batch * a_rows, a_columns);
  const RoundedMatrix rb = round_matrix(b, batch * b_rows, b_columns);
  const float one = 1, zero = 0;
  check_blas(state().blas.gemm_strided_batched_ex(
                 state().handle, op(transpose_b), op(transpose_a), n, m, k, &one, rb.data(), CUDA_R_16BF, rb.stride,
                 b_rows * rb.stride, ra.data(), CUDA_R_16BF, ra.stride, a_rows * ra.stride, &zero, c, CUDA_R_32F, n, m * n,
                 batch, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
             "batched product of bf16");
}
}  // namespace

void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b,
          int64_t ldb, float* c, int64_t ldc, bool accumulate) {
  if (m == 0 || n == 0) return;
  count_launches(1);
  const float one = 1, beta = accumulate ? 1 : 0;
  const auto size = [](int64_t x) { return static_cast<int>(x); };
  const auto stride = [](int64_t x) { return static_cast<int>(std::max<int64_t>(1, x)); };
  check_blas(state().blas.sgemm(state().handle, op(transpose_b), op(transpose_a), size(n), size(m), size(k), &one, b,
                                stride(ldb), a, stride(lda), &beta, c, stride(ldc)),
             "product");
}

void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const RoundedMatrix& a, const RoundedMatrix& b,
          float* c, int64_t ldc, bool accumulate) {
  if (m == 0 || n == 0) return;
  count_launches(1);
  const float one = 1, beta = accumulate ? 1 : 0;
  check_blas(state().blas.gemm_ex(state().handle, op(transpose_b), op(transpose_a), n, m, k, &one, b.data(), CUDA_R_16BF,
                                  b.stride, a.data(), CUDA_R_16BF, a.stride, &beta, c, CUDA_R_32F, ldc,
                                  CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
             "product of bf16");
}

void gemm_batched(bool transpose_a, bool transpose_b, int64_t batch, int64_t m, int64_t n, int64_t k, const float* a,
                  const float* b, float* c, Precision precision) {
  if (batch == 0 || m == 0 || n == 0) return;
  count_launches(1);
  if (precision == Precision::bf16) return gemm_batched_of_rounded(transpose_a, transpose_b, batch, m, n, k, a, b, c);
  const float one = 1, zero = 0;
  const auto size = [](int64_t x) { return static_cast<int>(x); };
  const auto stride = [](int64_t x) { return static_cast<int>(std::max<int64_t>(1, x)); };
  check_blas(state().blas.sgemm_strided_batched(state().handle, op(transpose_b), op(transpose_a), size(n), size(m), size(k),
                                                &one, b, stride(transpose_b ? k : n), k * n, a, stride(transpose_a ? m : k),
                                                m * k, &zero, c, size(n), m * n, size(batch)),
             "batched product");
}

}  // namespace tensor::cuda
