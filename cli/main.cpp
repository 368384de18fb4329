// The program's entry, and the one place where an exception becomes a line on stderr and an exit code.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <string>
#include <vector>

#include "cli/program.h"
#include "tensor/error.h"

int main(int argc, char** argv) {
  try {
    return cli::run(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const tensor::Error& error) {
    std::fprintf(stderr, "genrec: %s\n", error.what());
    return error.exit_code();
  } catch (const std::filesystem::filesystem_error& error) {
    std::fprintf(stderr, "genrec: %s: cannot be opened: %s; check the path and its permissions\n", error.path1().c_str(),
                 error.code().message().c_str());
    return static_cast<int>(tensor::Fault::io);
  } catch (const std::bad_alloc&) {
    std::fputs("genrec: the system has no memory left; use a smaller batch or preset, or a machine with more memory\n", stderr);
    return static_cast<int>(tensor::Fault::resources);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "genrec: internal error: %s; please report it\n", error.what());
    return static_cast<int>(tensor::Fault::bug);
  }
}
