// Rows of text as an aligned table of at most 100 columns, or as CSV (RFC 4180).
#pragma once

#include <cstddef>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace chargeledger::ledgerctl {

enum class Format { kTable, kJson, kCsv };

constexpr size_t kMaxWidth = 100;

struct Heading {
  std::string name;
  // Numbers stand right, and are never cut.
  bool right = false;
};

// Widest text columns are cut, with an ellipsis, until a row fits. Control characters become '.'.
void PrintTable(const std::vector<Heading>& headings,
                const std::vector<std::vector<std::string>>& rows, std::ostream& out);
void PrintCsv(const std::vector<std::string>& names,
              const std::vector<std::vector<std::string>>& rows, std::ostream& out);

// How a message becomes a row: for people, and for machines (full precision, unit in the name).
template <typename Message>
struct Column {
  Heading heading;
  // Null: for machines alone.
  std::function<std::string(const Message&)> human;
  std::string csv_name;
  std::function<std::string(const Message&)> raw;
};

template <typename Message, typename List>
void PrintRows(Format format, const std::vector<Column<Message>>& columns, const List& messages,
               absl::string_view nothing, std::ostream& out) {
  std::vector<std::vector<std::string>> rows;
  for (const Message& message : messages) {
    std::vector<std::string>& row = rows.emplace_back();
    for (const auto& column : columns) {
      if (format != Format::kCsv && !column.human) continue;
      row.push_back(format == Format::kCsv ? column.raw(message) : column.human(message));
    }
  }
  if (format == Format::kCsv) {
    std::vector<std::string> names;
    for (const auto& column : columns) names.push_back(column.csv_name);
    return PrintCsv(names, rows, out);
  }
  if (rows.empty()) {
    out << "no " << std::string(nothing) << "\n";
    return;
  }
  std::vector<Heading> headings;
  for (const auto& column : columns) {
    if (column.human) headings.push_back(column.heading);
  }
  PrintTable(headings, rows, out);
}

}  // namespace chargeledger::ledgerctl
