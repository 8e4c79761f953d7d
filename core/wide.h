// Integers of 128 bits, for products that are divided once.
#pragma once

namespace chargeledger::core {

__extension__ using Wide = __int128;

// 1.5 is 2, -1.5 is -2. `divisor` is positive.
constexpr Wide DivideHalfAway(Wide value, Wide divisor) {
  const Wide half = divisor / 2;
  // Odd divisors have no exact half: remainder > half decides there as well.
  const Wide magnitude = value < 0 ? -value : value;
  const Wide quotient = magnitude / divisor;
  const Wide remainder = magnitude % divisor;
  const Wide rounded = quotient + (remainder > half || (divisor % 2 == 0 && remainder == half));
  return value < 0 ? -rounded : rounded;
}

}  // namespace chargeledger::core
