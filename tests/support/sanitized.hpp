// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Whether a sanitizer that slows everything down is compiled in.

#if defined(__has_feature)  // clang's way to say it
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define RINGWAY_SANITIZED
#endif
#endif

namespace ringway::test {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) || defined(RINGWAY_SANITIZED)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace ringway::test
