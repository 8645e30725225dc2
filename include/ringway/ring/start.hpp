// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Where a new reader of a broadcast ring begins.

namespace ringway {

enum class Start : unsigned char {
  kNext,       ///< with the next element
  kOldest,     ///< with the oldest element that is still there, whoever has read it
  kLastValue,  ///< with the newest element that is there, whoever has read it
};

}  // namespace ringway
