// genrec selftest: the gradient checks of the shipped binary, the check of the checker, where it is asked for, the comparison of
// bf16 with fp32, and, where a GPU is chosen, that of its results with the processor's.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "autograd/gradcheck.h"
#include "cli/commands/commands.h"
#include "cli/program.h"
#include "genrec/device_check.h"
#include "genrec/log.h"

namespace cli {

namespace {

constexpr int kSteps = 50;  // of training, of the models that are compared

using DeviceReports = std::vector<std::pair<const char*, autograd::DeviceReport>>;

class Selftest : public Command {
 public:
  Selftest() : Command("selftest", "Check every operation's gradient numerically, and check the checker") {
    options().add("filter", filter_, "Only operations whose name contains this");
    add_precision(precision_);
    add_common(true);
  }

  int run() override {
    const bool on_cuda = choose_device(common()) == tensor::Device::cuda;
    autograd::GradientReport gradients, checker;
    {
      const genrec::Stage stage("gradients");
      gradients = autograd::check_gradients(filter_, common().seed);
    }
    tensor::require(filter_.empty() || gradients.operations > 0, "--filter: no operation has '", filter_,
                    "' in its name; leave it out to check all");
    {
      const genrec::Stage stage("check of the checker");
      checker = autograd::check_the_checker(filter_, common().seed);
    }
    DeviceReports devices;
    if (precision_ == tensor::Precision::bf16) {
      const genrec::Stage stage("bf16 against fp32");
      devices.emplace_back("operations in bf16", autograd::compare_precisions(filter_, common().seed));
    }
    if (on_cuda) compare_devices(devices);
    print(common().json ? json(gradients, checker, devices) : text(gradients, checker, devices));
    bool good = gradients.failures.empty() && checker.failures.empty();
    for (const auto& [name, report] : devices) good = good && report.failures.empty();
    return good ? 0 : static_cast<int>(tensor::Fault::bug);
  }

 private:
  // With a filter only the operations it chooses.
  void compare_devices(DeviceReports& reports) const {
    const genrec::Stage stage("cuda against cpu");
    const tensor::PrecisionScope scope(precision_);
    reports.emplace_back("operations on cuda", autograd::compare_operations(filter_, common().seed));
    if (!filter_.empty()) return;
    reports.emplace_back("other kernels on cuda", genrec::compare_kernels(common().seed));
    reports.emplace_back("models on cuda", genrec::compare_models(kSteps, common().seed));
  }

  static std::string text(const autograd::GradientReport& gradients, const autograd::GradientReport& checker,
                          const DeviceReports& devices) {
    std::string result;
    for (const auto& [name, report] : devices)
      for (const std::string& failure : report.failures) result += failure + "\n";
    for (const auto* report : {&gradients, &checker})
      for (const std::string& failure : report->failures) result += failure + "\n";
    result += fmt::format("gradients: {} operations, {} samples, {} elements, largest error {:.3g} of the tolerance, {} failures\n",
                          gradients.operations, gradients.samples, gradients.elements, gradients.largest_error,
                          gradients.failures.size());
    result += fmt::format("check of the checker: {} operations, {} samples, {} failures\n", checker.operations, checker.samples,
                          checker.failures.size());
    for (const auto& [name, report] : devices) {
      result += fmt::format("{}: {} cases, {} values, largest error {:.3g} of the limit, {} failures\n", name, report.cases,
                            report.values, report.largest_error, report.failures.size());
    }
    return result;
  }

  static std::string json(const autograd::GradientReport& gradients, const autograd::GradientReport& checker,
                          const DeviceReports& devices) {
    const auto object = [](const autograd::GradientReport& report) {
      return nlohmann::ordered_json{{"operations", report.operations}, {"samples", report.samples},   {"elements", report.elements},
                  {"largest_error", report.largest_error}, {"failures", report.failures}};
    };
    nlohmann::ordered_json result{{"gradients", object(gradients)}, {"checker", object(checker)}};
    for (const auto& [name, report] : devices) {
      result[name] = {{"cases", report.cases}, {"values", report.values}, {"largest_error", report.largest_error},
                      {"failures", report.failures}};
    }
    return result.dump(2) + "\n";
  }

  std::string filter_;
  tensor::Precision precision_ = tensor::Precision::fp32;
};

}  // namespace

std::unique_ptr<Command> selftest() { return std::make_unique<Selftest>(); }

}  // namespace cli
