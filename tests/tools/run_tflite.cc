// Runs .tflite models in LiteRT's compiled-model API, each in a child process; for the tests.
//
//   pumice_run_tflite MODEL.tflite IN.npz OUT.npz [--signature KEY]
//   pumice_run_tflite          reads lines "MODEL\tIN\tOUT\tSIGNATURE" and answers each with one
//                              line: "ok", or "error: " and why. SIGNATURE may be empty or left
//                              out.
#include <iostream>
#include <string>
#include <vector>

#include "formats/npz/npz.h"
#include "runtime/runtime.h"

namespace {

using pumice::Result;
using pumice::Status;

Status run(const std::string& model, const std::string& in, const std::string& out,
           const std::string& signature) {
  pumice::RuntimeOptions options;
  options.timeout_seconds = 100;
  PUMICE_TRY(std::vector<pumice::NamedTensor> inputs, pumice::read_npz(in));
  PUMICE_TRY(std::vector<pumice::NamedTensor> outputs,
             pumice::run_isolated("", model, signature, inputs, options));
  return pumice::write_npz(out, outputs);
}

std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '\r') c = ' ';
  return text;
}

int serve() {
  if (Status loaded = pumice::preload_litert(""); !loaded.ok()) {
    std::cerr << "pumice_run_tflite: " << loaded.error().text() << "\n";
    return 3;
  }
  std::string line;
  while (std::getline(std::cin, line)) {
    std::vector<std::string> fields(1);
    for (char c : line) {
      if (c == '\t')
        fields.emplace_back();
      else
        fields.back() += c;
    }
    if (fields.size() != 3 && fields.size() != 4) {
      std::cout << "error: expected MODEL, IN, OUT and a signature, with tabs between" << std::endl;
      continue;
    }
    Status status = run(fields[0], fields[1], fields[2], fields.size() == 4 ? fields[3] : "");
    std::cout << (status.ok() ? "ok" : "error: " + one_line(status.error().text())) << std::endl;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty()) return serve();
  std::string signature;
  if (arguments.size() == 5 && arguments[3] == "--signature") {
    signature = arguments[4];
  } else if (arguments.size() != 3) {
    std::cerr << "usage: pumice_run_tflite MODEL.tflite IN.npz OUT.npz [--signature KEY]\n";
    return 2;
  }
  Status status = run(arguments[0], arguments[1], arguments[2], signature);
  if (status.ok()) return 0;
  std::cerr << "pumice_run_tflite: " << status.error().text() << "\n";
  return pumice::exit_status(status.error().code());
}
