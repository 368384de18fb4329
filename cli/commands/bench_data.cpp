// genrec bench data: memory and speed of a large data set.
#include <fmt/format.h>
#include <sys/resource.h>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/program.h"
#include "genrec/bench_data.h"
#include "tensor/parallel.h"

namespace cli {

namespace {

int64_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;
}

class BenchData : public Command {
 public:
  BenchData() : Command("bench data", "Measure the memory of a large data set, and visit every training prefix of it") {
    options().add("interactions", bench_.interactions, "Interactions that are made").range(3, 4e9);
    options().add("users", bench_.users, "Users; 0: one for 8 interactions").range(0, 1e9);
    options().add("items", bench_.items, "Items").range(1, 1e9);
    options().add("history", bench_.history, "Latest items of a prefix that are read").range(1, 1e6);
    add_common(true);
  }

  int run() override {
    bench_.seed = common().seed;
    const genrec::DataBench result = genrec::bench_data(bench_);
    print(common().json ? json(result) : text(result));
    return 0;
  }

 private:
  static std::string text(const genrec::DataBench& r) {
    constexpr double kMiB = 1 << 20;
    return fmt::format(
        "{} interactions of {} users with {} items\n"
        "data set     {:.0f} MiB, {:.1f} bytes per interaction\n"
        "prefixes     {}, found through {:.0f} MiB of offsets, none of them stored; {:.2f} items on average\n"
        "peak memory  {:.0f} MiB\n"
        "made in {:.1f} s; visited in {:.1f} s, {:.1f} million prefixes a second, {} threads\n",
        r.interactions, r.users, r.items, static_cast<double>(r.bytes) / kMiB,
        static_cast<double>(r.bytes) / static_cast<double>(r.interactions), r.prefixes, static_cast<double>(r.index_bytes) / kMiB,
        static_cast<double>(r.prefix_items) / static_cast<double>(std::max<int64_t>(r.prefixes, 1)),
        static_cast<double>(peak_bytes()) / kMiB, r.make_seconds, r.walk_seconds,
        static_cast<double>(r.prefixes) / r.walk_seconds / 1e6, tensor::threads());
  }
  static std::string json(const genrec::DataBench& r) {
    const nlohmann::ordered_json root{{"interactions", r.interactions}, {"users", r.users},
                                      {"items", r.items},               {"bytes", r.bytes},
                                      {"index_bytes", r.index_bytes},   {"peak_bytes", peak_bytes()},
                                      {"prefixes", r.prefixes},         {"prefix_items", r.prefix_items},
                                      {"make_seconds", r.make_seconds}, {"walk_seconds", r.walk_seconds},
                                      {"checksum", r.checksum},         {"threads", tensor::threads()}};
    return root.dump(2) + "\n";
  }

  genrec::DataBenchOptions bench_;
};

}  // namespace

std::unique_ptr<Command> bench_data() { return std::make_unique<BenchData>(); }

}  // namespace cli
