#include "tools/ledgerctl/table.h"

#include <gtest/gtest.h>

#include <sstream>

namespace chargeledger::ledgerctl {
namespace {

TEST(Table, ColumnsLineUpAndNumbersStandRight) {
  std::ostringstream out;
  PrintTable({{"NAME"}, {"N", true}}, {{"a", "1"}, {"büro", "200"}}, out);
  EXPECT_EQ(out.str(), "NAME    N\na       1\nbüro  200\n");
}

TEST(Table, ARowNeverPassesAHundredColumnsAndNumbersAreNotCut) {
  std::ostringstream out;
  PrintTable({{"LONG"}, {"LONGER"}, {"N", true}},
             {{std::string(80, 'a'), std::string(300, 'b'), "123456789012345678"}}, out);
  std::istringstream lines(out.str());
  for (std::string line; std::getline(lines, line);) {
    size_t width = 0;
    for (char c : line) width += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    EXPECT_LE(width, kMaxWidth);
  }
  EXPECT_NE(out.str().find("123456789012345678"), std::string::npos);
  EXPECT_NE(out.str().find("…"), std::string::npos);
}

TEST(Table, WhatAChargePointSentCannotMoveTheCursor) {
  std::ostringstream out;
  PrintTable({{"X"}}, {{"a\x1b[2Jb\nc"}}, out);
  EXPECT_EQ(out.str(), "X\na.[2Jb.c\n");
}

TEST(Csv, CellsAreQuotedAsTheStandardSays) {
  std::ostringstream out;
  PrintCsv({"a", "b"}, {{"1,2", "say \"hi\""}, {"plain", "two\nlines"}}, out);
  EXPECT_EQ(out.str(), "a,b\r\n\"1,2\",\"say \"\"hi\"\"\"\r\nplain,\"two\nlines\"\r\n");
}

}  // namespace
}  // namespace chargeledger::ledgerctl
