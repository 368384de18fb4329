#include "tensor/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "tensor/error.h"

namespace tensor {

namespace {

constexpr int64_t kBufferBytes = 1 << 20;
constexpr int64_t kLargestCall = int64_t{1} << 30;  // one read() or write() moves at most 2 GiB

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

}  // namespace

InputFile::InputFile(const std::string& path) : path_(path) {
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) {
    require(Fault::missing_input, errno != ENOENT && errno != ENOTDIR, path, ": no such file; check the path");
    fail(Fault::io, path, ": cannot be opened: ", std::strerror(errno), "; check its permissions");
  }
  struct stat status {};
  const bool regular = ::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode);
  if (!regular) {
    ::close(descriptor_);
    fail(Fault::bad_data, path, ": is not a regular file; give the path of a file");
  }
  size_ = status.st_size;
}

InputFile::~InputFile() { ::close(descriptor_); }

void InputFile::read(void* to, int64_t bytes, int64_t offset) const {
  char* p = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t got = ::pread(descriptor_, p, static_cast<size_t>(std::min(bytes, kLargestCall)), offset);
    if (got < 0 && errno == EINTR) continue;
    require(Fault::io, got >= 0, path_, ": cannot be read: ", std::strerror(errno), "; check the disk");
    require(Fault::bad_data, got > 0, path_, ": ends at byte ", offset, ", ", bytes,
        " bytes too early; the file is truncated");
    p += got, offset += got, bytes -= got;
  }
}

std::string read_file(const std::string& path) {
  InputFile file(path);
  std::string text(static_cast<size_t>(file.size()), '\0');
  file.read(text.data(), file.size(), 0);
  return text;
}

AtomicFile::AtomicFile(const std::string& path) : path_(path), temporary_(path + ".tmp-" + std::to_string(::getpid())) {
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor_ < 0) fail_with("created");
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::fail_with(const char* step) {
  const int code = errno;
  if (descriptor_ >= 0) {
    ::close(descriptor_);
    ::unlink(temporary_.c_str());
    descriptor_ = -1;
  }
  fail(Fault::io, path_, ": cannot be ", step, ": ", std::strerror(code),
      "; check the folder, its permissions and free space");
}

void AtomicFile::write(const void* from, int64_t bytes) {
  if (static_cast<int64_t>(buffer_.size()) + bytes <= kBufferBytes) {
    buffer_.append(static_cast<const char*>(from), static_cast<size_t>(bytes));
    return;
  }
  flush();
  write_now(static_cast<const char*>(from), bytes);
}

void AtomicFile::flush() {
  write_now(buffer_.data(), static_cast<int64_t>(buffer_.size()));
  buffer_.clear();
}

void AtomicFile::write_now(const char* from, int64_t bytes) {
  while (bytes > 0) {
    const ssize_t written = ::write(descriptor_, from, static_cast<size_t>(std::min(bytes, kLargestCall)));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_with("written");
    from += written, bytes -= written;
  }
}

void AtomicFile::commit() {
  flush();
  if (::fsync(descriptor_) != 0) fail_with("flushed to the disk");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_with("put in place");
  ::close(descriptor_);
  descriptor_ = -1;
  const int folder = ::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  ::fsync(folder);  // so that the new name survives a power cut; some file systems refuse this, which is no failure
  ::close(folder);
}

void write_file_atomically(const std::string& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace tensor
