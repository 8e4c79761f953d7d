// Runs a fuzzer over its corpus, and over changed copies of it: every length, every byte flipped in
// some way, all of it twice. Bounded, and the same in every run.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

// Larger inputs are changed in steps, so that none costs more than so many runs.
constexpr size_t kMaxChanges = 4096;

int runs = 0;

void Run(const std::string& input) {
  // On the heap and no longer than it is: a sanitizer sees every read beyond it.
  const std::string copy(input);
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(copy.data()), copy.size());
  ++runs;
}

void RunChanged(const std::string& input) {
  Run(input);
  Run(input + input);
  const size_t step = input.size() / kMaxChanges + 1;
  for (size_t at = 0; at < input.size(); at += step) {
    Run(input.substr(0, at));
    Run(input.substr(at));
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string changed = input;
      changed[at] = static_cast<char>(changed[at] ^ flip);
      Run(changed);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  int inputs = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& file : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (!std::filesystem::is_regular_file(file.path())) continue;
      std::ifstream in(file.path(), std::ios::binary);
      RunChanged(std::string(std::istreambuf_iterator<char>(in), {}));
      ++inputs;
    }
  }
  std::printf("%d inputs, %d runs\n", inputs, runs);
  return inputs > 0 ? 0 : 1;
}
