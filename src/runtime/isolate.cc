// Runs a model in a child process, so that what makes LiteRT abort cannot end pumice.
//
//   parent ── fork ──► child: load, run, write the answer to a pipe, _exit
//     ◄── answer (to the end of the pipe), exit status, LiteRT's log (an anonymous file)
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/runtime.h"
#include "runtime/wire.h"

namespace pumice {
namespace {

// A file descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Descriptor() { close(); }
  int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

// What is left of a child: its answer as bytes, how it ended, and what it printed.
struct Remains {
  std::vector<std::byte> answer;
  int status = 0;
  bool late = false;
  std::string log;
};

Error system_error(const char* what) {
  return Error(ErrorCode::kInternal, std::string("the model cannot be run apart: ") + what)
      .found(std::strerror(errno));
}

[[noreturn]] void be_child(int answer, int log, const std::function<wire::Buffer()>& work) {
  // LiteRT prints; its words go into the log, not among the caller's.
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  for (int s : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) signal(s, SIG_DFL);
  wire::Buffer bytes = work();
  for (size_t done = 0; done < bytes.size();) {
    ssize_t n = write(answer, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) _exit(2);
    done += static_cast<size_t>(n);
  }
  _exit(0);  // no destructors: this is a copy of the parent's memory
}

// Reads to the end of the pipe; false when the time runs out first.
bool read_answer(int fd, int timeout_seconds, std::vector<std::byte>* out) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::seconds(timeout_seconds);
  std::byte block[1 << 16];
  while (true) {
    int wait = -1;
    if (timeout_seconds > 0) {
      auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
      if (left.count() <= 0) return false;
      wait = static_cast<int>(left.count());
    }
    pollfd ready{fd, POLLIN, 0};
    int n = poll(&ready, 1, wait);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) return false;
    ssize_t size = read(fd, block, sizeof block);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return true;
    out->insert(out->end(), block, block + size);
  }
}

Result<Remains> run_child(int timeout_seconds, const std::function<wire::Buffer()>& work) {
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) return system_error("no pipe");
  Descriptor reading(pipe_ends[0]), writing(pipe_ends[1]);
  Descriptor log(memfd_create("litert-log", MFD_CLOEXEC));
  if (log.get() < 0) return system_error("no anonymous file");
  pid_t child = fork();
  if (child < 0) return system_error("no child process");
  if (child == 0) be_child(writing.get(), log.get(), work);
  writing.close();
  Remains remains;
  remains.late = !read_answer(reading.get(), timeout_seconds, &remains.answer);
  if (remains.late) kill(child, SIGKILL);
  while (waitpid(child, &remains.status, 0) < 0 && errno == EINTR) {
  }
  constexpr off_t kMostLog = 1 << 16;
  off_t size = lseek(log.get(), 0, SEEK_END);
  off_t from = size > kMostLog ? size - kMostLog : 0;
  remains.log.resize(static_cast<size_t>(std::max<off_t>(size - from, 0)));
  ssize_t got = pread(log.get(), remains.log.data(), remains.log.size(), from);
  remains.log.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return remains;
}

// The last lines of the log that tell what went wrong, joined; empty when there are none.
std::string complaints(const std::string& log) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < log.size();) {
    size_t end = std::min(log.find('\n', begin), log.size());
    std::string line = log.substr(begin, end - begin);
    begin = end + 1;
    bool informs = line.rfind("INFO", 0) == 0 || line.rfind("VERBOSE", 0) == 0 ||
                   line.rfind("WARNING", 0) == 0 || line.empty();
    if (!informs) lines.push_back(line.substr(0, 400));
  }
  std::string text;
  for (size_t i = lines.size() > 3 ? lines.size() - 3 : 0; i < lines.size(); ++i)
    text += (text.empty() ? "" : " | ") + lines[i];
  return text;
}

// The answer, or what its absence means.
template <typename T>
Result<T> conclude(const Remains& remains, const std::string& model, const RuntimeOptions& options,
                   Result<T> (*decode)(const Bytes&)) {
  std::string said = complaints(remains.log);
  if (remains.late) {
    return Error(ErrorCode::kUnsupported, "LiteRT does not finish running the model")
        .in(model)
        .expected("an answer within " + std::to_string(options.timeout_seconds) + " s");
  }
  if (WIFSIGNALED(remains.status)) {
    const int number = WTERMSIG(remains.status);
    const char* name = sigabbrev_np(number);
    return Error(ErrorCode::kUnsupported, "LiteRT crashed while it ran the model")
        .in(model)
        .found("signal " + std::to_string(number) +
               (name ? std::string(" (SIG") + name + ")" : "") +
               (said.empty() ? "" : "; it printed: " + said));
  }
  if (WEXITSTATUS(remains.status) != 0) {
    return Error(ErrorCode::kInternal, "the child process that ran the model gave up")
        .in(model)
        .found("exit status " + std::to_string(WEXITSTATUS(remains.status)) +
               (said.empty() ? "" : "; it printed: " + said));
  }
  Result<T> result = decode(Bytes::own(remains.answer));
  if (result.ok() || said.empty() || result.error().code() != ErrorCode::kUnsupported)
    return result;
  const Error& e = result.error();
  return Error(e.code(), e.message())
      .in(e.file())
      .at(e.node(), e.op())
      .expected(e.expected())
      .found(e.found() + "; it printed: " + said)
      .hint(e.hint());
}

class IsolatedLiteRt : public Runtime {
 public:
  IsolatedLiteRt(const std::string& library, std::string model, const RuntimeOptions& options)
      : library_(find_litert(library)), model_(std::move(model)), options_(options) {}

  Result<std::vector<Signature>> signatures() override {
    return in_child(wire::decode_signatures, [](Runtime& runtime) { return runtime.signatures(); });
  }

  Result<std::vector<NamedTensor>> run(const std::string& signature,
                                       const std::vector<NamedTensor>& inputs) override {
    return in_child(wire::decode_tensors,
                    [&](Runtime& runtime) { return runtime.run(signature, inputs); });
  }

 private:
  // What `ask(Runtime&)` answers in a child process.
  template <typename T, typename Ask>
  Result<T> in_child(Result<T> (*decode)(const Bytes&), const Ask& ask) {
    const auto work = [&] {
      Result<std::unique_ptr<Runtime>> runtime = load_litert(library_, model_, options_);
      if (!runtime.ok()) return wire::encode(Result<T>(std::move(runtime).error()));
      return wire::encode(ask(**runtime));
    };
    PUMICE_TRY(const Remains remains, run_child(options_.timeout_seconds, work));
    return conclude<T>(remains, model_, options_, decode);
  }

  std::string library_, model_;
  RuntimeOptions options_;
};

}  // namespace

std::unique_ptr<Runtime> isolate_litert(const std::string& library_path,
                                        const std::string& model_path,
                                        const RuntimeOptions& options) {
  return std::make_unique<IsolatedLiteRt>(library_path, model_path, options);
}

Result<std::vector<NamedTensor>> run_isolated(const std::string& library_path,
                                              const std::string& model_path,
                                              const std::string& signature,
                                              const std::vector<NamedTensor>& inputs,
                                              const RuntimeOptions& options) {
  return isolate_litert(library_path, model_path, options)->run(signature, inputs);
}

}  // namespace pumice
