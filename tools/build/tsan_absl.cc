// Tells ThreadSanitizer what Debian's Abseil, which is not built for it, does: without this every
// absl::Mutex looks like no lock at all. Linked only by --config=tsan, which wraps the functions
// below (see .bazelrc).
#include <cstdint>

extern "C" {

void __tsan_acquire(void* address);
void __tsan_release(void* address);

#define CL_RELEASE_BEFORE(name)    \
  void __real_##name(void* self);  \
  void __wrap_##name(void* self) { \
    __tsan_release(self);          \
    __real_##name(self);           \
  }

#define CL_ACQUIRE_AFTER(name)     \
  void __real_##name(void* self);  \
  void __wrap_##name(void* self) { \
    __real_##name(self);           \
    __tsan_acquire(self);          \
  }

// What libraries that are not built for ThreadSanitizer do among themselves; and the conditions of
// Await, which Abseil evaluates for the waiter inside another thread's Unlock, still under the
// lock.
const char* __tsan_default_suppressions() {
  return "race:absl::debian3::Condition\n"
         "race:HasWork\n"
         // A condition is evaluated by whoever holds the lock, inside Abseil, where the sanitizer
         // does not see the lock; the lambda itself may stand on the waiting thread's stack.
         "race:CastAndCallMethod\n"
         "race:rocksdb::\n"
         "called_from_lib:librocksdb.so\n"
         "called_from_lib:libgrpc.so\n"
         "called_from_lib:libgrpc++.so\n";
}

CL_ACQUIRE_AFTER(_ZN4absl7debian35Mutex4LockEv)
CL_RELEASE_BEFORE(_ZN4absl7debian35Mutex6UnlockEv)

// Whoever waits lets go of the lock and has it again afterwards.
void __real__ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE(void* self, const void* condition);
void __wrap__ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE(void* self, const void* condition) {
  __tsan_release(self);
  __real__ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE(self, condition);
  __tsan_acquire(self);
}

bool __real__ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE(
    void* self, const void* condition, int64_t high, uint32_t low);
bool __wrap__ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE(
    void* self, const void* condition, int64_t high, uint32_t low) {
  __tsan_release(self);
  const bool met = __real__ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE(
      self, condition, high, low);
  __tsan_acquire(self);
  return met;
}

CL_RELEASE_BEFORE(_ZN4absl7debian312Notification6NotifyEv)

void __real__ZNK4absl7debian312Notification19WaitForNotificationEv(const void* self);
void __wrap__ZNK4absl7debian312Notification19WaitForNotificationEv(const void* self) {
  __real__ZNK4absl7debian312Notification19WaitForNotificationEv(self);
  __tsan_acquire(const_cast<void*>(self));
}

bool __real__ZN4absl7debian315BlockingCounter14DecrementCountEv(void* self);
bool __wrap__ZN4absl7debian315BlockingCounter14DecrementCountEv(void* self) {
  __tsan_release(self);
  return __real__ZN4absl7debian315BlockingCounter14DecrementCountEv(self);
}
CL_ACQUIRE_AFTER(_ZN4absl7debian315BlockingCounter4WaitEv)

}  // extern "C"
