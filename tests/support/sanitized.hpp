// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Whether a sanitizer that slows everything down is compiled in, and which.

#if defined(__has_feature)  // clang's way to say it
#if __has_feature(thread_sanitizer)
#define RINGWAY_THREAD_SANITIZED
#endif
#if __has_feature(address_sanitizer)
#define RINGWAY_ADDRESS_SANITIZED
#endif
#endif
#if defined(__SANITIZE_THREAD__)  // g++'s
#define RINGWAY_THREAD_SANITIZED
#endif
#if defined(__SANITIZE_ADDRESS__)
#define RINGWAY_ADDRESS_SANITIZED
#endif

namespace ringway::test {

#if defined(RINGWAY_THREAD_SANITIZED)
inline constexpr bool kThreadSanitized = true;
#else
inline constexpr bool kThreadSanitized = false;
#endif
#if defined(RINGWAY_ADDRESS_SANITIZED)
inline constexpr bool kAddressSanitized = true;
#else
inline constexpr bool kAddressSanitized = false;
#endif
inline constexpr bool kSanitized = kThreadSanitized || kAddressSanitized;

}  // namespace ringway::test
