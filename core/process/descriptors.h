// File descriptors as a resource of the process: its limit, and what stays in reserve for the
// store. Thread-safe.
#pragma once

#include <cstdint>

namespace chargeledger::core {

// What connections leave to files: RocksDB keeps 512 files open at most (log/rocksdb_store.cc) but
// opens new ones at each flush and compaction, and ends the process's life if it cannot.
constexpr uint64_t kReservedDescriptors = 640;

// Raises the soft limit to the hard one; returns the limit in force. For mains, before anything is
// opened.
uint64_t RaiseDescriptorLimit();

// The soft limit in force now.
uint64_t DescriptorLimit();

// The first descriptor number that no connection may have: the limit without `reserved`, but never
// less than half of it. The system gives the lowest free number, so a higher one means that all
// below are in use.
uint64_t FirstReservedDescriptor(uint64_t reserved = kReservedDescriptors);

}  // namespace chargeledger::core
