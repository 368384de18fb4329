// genrec selftest: the gradient checks of the shipped binary, and the check of the checker.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "autograd/gradcheck.h"
#include "cli/commands/commands.h"
#include "cli/program.h"
#include "genrec/log.h"

namespace cli {

namespace {

class Selftest : public Command {
 public:
  Selftest() : Command("selftest", "Check every operation's gradient numerically, and check the checker") {
    options().add("filter", filter_, "Only operations whose name contains this");
    add_common(true);
  }

  int run() override {
    choose_device(common());
    autograd::GradientReport gradients, checker;
    {
      const genrec::Stage stage("gradients");
      gradients = autograd::check_gradients(filter_, common().seed);
    }
    {
      const genrec::Stage stage("check of the checker");
      checker = autograd::check_the_checker(filter_, common().seed);
    }
    print(common().json ? json(gradients, checker) : text(gradients, checker));
    return gradients.failures.empty() && checker.failures.empty() ? 0 : static_cast<int>(tensor::Fault::bug);
  }

 private:
  static std::string text(const autograd::GradientReport& gradients, const autograd::GradientReport& checker) {
    std::string result;
    for (const auto* report : {&gradients, &checker})
      for (const std::string& failure : report->failures) result += failure + "\n";
    result += fmt::format("gradients: {} operations, {} samples, {} elements, largest error {:.3g} of the tolerance, {} failures\n",
                          gradients.operations, gradients.samples, gradients.elements, gradients.largest_error,
                          gradients.failures.size());
    return result + fmt::format("check of the checker: {} operations, {} samples, {} failures\n", checker.operations,
                                checker.samples, checker.failures.size());
  }

  static std::string json(const autograd::GradientReport& gradients, const autograd::GradientReport& checker) {
    const auto object = [](const autograd::GradientReport& report) {
      return nlohmann::ordered_json{{"operations", report.operations}, {"samples", report.samples},   {"elements", report.elements},
                  {"largest_error", report.largest_error}, {"failures", report.failures}};
    };
    return nlohmann::ordered_json{{"gradients", object(gradients)}, {"checker", object(checker)}}.dump(2) + "\n";
  }

  std::string filter_;
};

}  // namespace

std::unique_ptr<Command> selftest() { return std::make_unique<Selftest>(); }

}  // namespace cli
