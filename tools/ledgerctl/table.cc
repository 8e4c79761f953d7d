#include "tools/ledgerctl/table.h"

#include <algorithm>

#include "absl/strings/str_replace.h"

namespace chargeledger::ledgerctl {
namespace {

constexpr size_t kGap = 2;
constexpr absl::string_view kEllipsis = "…";

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// Characters, not bytes: UTF-8 continuation bytes take no place.
size_t Width(absl::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !IsContinuation(c); }));
}

std::string Cut(const std::string& text, size_t width) {
  if (Width(text) <= width) return text;
  std::string cut;
  size_t taken = 0;
  for (char c : text) {
    if (!IsContinuation(c) && ++taken >= width) break;
    cut.push_back(c);
  }
  return cut + std::string(kEllipsis);
}

std::string Printable(const std::string& text) {
  std::string printable = text;
  for (char& c : printable) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '.';
  }
  return printable;
}

std::vector<size_t> FitWidths(const std::vector<Heading>& headings,
                              const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (size_t i = 0; i < headings.size(); ++i) {
    widths.push_back(Width(headings[i].name));
    for (const auto& row : rows) widths[i] = std::max(widths[i], Width(row[i]));
  }
  size_t total = kGap * (widths.size() - 1);
  for (size_t width : widths) total += width;
  for (; total > kMaxWidth; --total) {
    size_t widest = headings.size();
    for (size_t i = 0; i < headings.size(); ++i) {
      if (!headings[i].right && (widest == headings.size() || widths[i] > widths[widest])) {
        widest = i;
      }
    }
    if (widest == headings.size() || widths[widest] <= 4) break;
    --widths[widest];
  }
  return widths;
}

void PrintRow(const std::vector<Heading>& headings, const std::vector<size_t>& widths,
              const std::vector<std::string>& cells, std::ostream& out) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string cell = headings[i].right ? cells[i] : Cut(cells[i], widths[i]);
    const size_t width = Width(cell);
    const std::string padding(width < widths[i] ? widths[i] - width : 0, ' ');
    if (i > 0) line += std::string(kGap, ' ');
    line += headings[i].right ? padding + cell : cell + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out << line << "\n";
}

}  // namespace

void PrintTable(const std::vector<Heading>& headings,
                const std::vector<std::vector<std::string>>& rows, std::ostream& out) {
  std::vector<std::vector<std::string>> cells = rows;
  for (auto& row : cells) std::transform(row.begin(), row.end(), row.begin(), Printable);
  const std::vector<size_t> widths = FitWidths(headings, cells);
  std::vector<std::string> names;
  for (const Heading& heading : headings) names.push_back(heading.name);
  PrintRow(headings, widths, names, out);
  for (const auto& row : cells) PrintRow(headings, widths, row, out);
}

void PrintCsv(const std::vector<std::string>& names,
              const std::vector<std::vector<std::string>>& rows, std::ostream& out) {
  auto print = [&](const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) out << ",";
      if (cells[i].find_first_of(",\"\r\n") == std::string::npos) {
        out << cells[i];
      } else {
        out << '"' << absl::StrReplaceAll(cells[i], {{"\"", "\"\""}}) << '"';
      }
    }
    out << "\r\n";
  };
  print(names);
  for (const auto& row : rows) print(row);
}

}  // namespace chargeledger::ledgerctl
