// SPDX-License-Identifier: Apache-2.0
/// \file
/// libFuzzer's entry: `script/check fuzz`.

#include "tests/fuzz/named_bus.hpp"

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  ringway::fuzz::write_seeds(*argc, *argv, ringway::fuzz::named_seeds());
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringway::fuzz::use_any_named_bus(std::as_bytes(std::span(data, size)));
  return 0;
}
