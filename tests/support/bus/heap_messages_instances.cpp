// SPDX-License-Identifier: Apache-2.0
/// \file
/// Threads of one process: other messages.

#include "support/bus/instances.hpp"

namespace ringway {

template class LanePublisher<test::Number, HeapHome>;
template class LanePublisher<Numbered<test::Number>, HeapHome>;
template class TopicLanes<test::Number, HeapHome>;
template class BroadcastRing<test::Number, NativeMemory>;
template class BroadcastRing<Numbered<test::Number>, NativeMemory>;
template class LossyBroadcastRing<test::Number, NativeMemory>;
template class LossyBroadcastRing<Numbered<test::Number>, NativeMemory>;
template class BroadcastPrefix<test::Number, NativeMemory>;
template class LanePublisher<double, HeapHome>;
template class LanePublisher<Numbered<double>, HeapHome>;
template class TopicLanes<double, HeapHome>;
template class BroadcastRing<double, NativeMemory>;
template class BroadcastRing<Numbered<double>, NativeMemory>;
template class LossyBroadcastRing<double, NativeMemory>;
template class LossyBroadcastRing<Numbered<double>, NativeMemory>;
template class BroadcastPrefix<double, NativeMemory>;
template class LanePublisher<test::Parcel, HeapHome>;
template class LanePublisher<Numbered<test::Parcel>, HeapHome>;
template class TopicLanes<test::Parcel, HeapHome>;

}  // namespace ringway
