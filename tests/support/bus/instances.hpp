// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The parts of the bus that many tests use, compiled once for all of them: each test would compile
/// them anew otherwise. The precompiled header of those tests includes this; the *.cpp here hold
/// what is declared. What is missing costs nothing but time.

#include "ringway/shm/shared_bus.hpp"
#include "support/bus/messages.hpp"

namespace ringway {

// heap_instances.cpp
extern template class Directory<NativeMemory>;
extern template class InlineAudience<NativeMemory>;
extern template class InlineRegistry<NativeMemory>;
extern template class SubscriptionCore<NativeMemory>;
extern template class BusCore<HeapHome>;
extern template class DispatcherCore<HeapHome>;
extern template class BasicBus<HeapHome>;
extern template class Dispatcher<HeapHome>;
extern template class LanePublisher<int, HeapHome>;
extern template class LanePublisher<Numbered<int>, HeapHome>;
extern template class TopicLanes<int, HeapHome>;
extern template class BroadcastRing<int, NativeMemory>;
extern template class BroadcastRing<Numbered<int>, NativeMemory>;
extern template class LossyBroadcastRing<int, NativeMemory>;
extern template class LossyBroadcastRing<Numbered<int>, NativeMemory>;
extern template class BroadcastPrefix<int, NativeMemory>;
extern template class LanePublisher<RequestElement<int>, HeapHome>;
extern template class BroadcastRing<RequestElement<int>, NativeMemory>;
extern template class LanePublisher<ReplyElement<int>, HeapHome>;
extern template class BroadcastRing<ReplyElement<int>, NativeMemory>;
extern template class PendingTable<int, NativeMemory>;
extern template class RequesterCore<int, int, HeapHome>;

// heap_messages_instances.cpp
extern template class LanePublisher<test::Number, HeapHome>;
extern template class LanePublisher<Numbered<test::Number>, HeapHome>;
extern template class TopicLanes<test::Number, HeapHome>;
extern template class BroadcastRing<test::Number, NativeMemory>;
extern template class BroadcastRing<Numbered<test::Number>, NativeMemory>;
extern template class LossyBroadcastRing<test::Number, NativeMemory>;
extern template class LossyBroadcastRing<Numbered<test::Number>, NativeMemory>;
extern template class BroadcastPrefix<test::Number, NativeMemory>;
extern template class LanePublisher<double, HeapHome>;
extern template class LanePublisher<Numbered<double>, HeapHome>;
extern template class TopicLanes<double, HeapHome>;
extern template class BroadcastRing<double, NativeMemory>;
extern template class BroadcastRing<Numbered<double>, NativeMemory>;
extern template class LossyBroadcastRing<double, NativeMemory>;
extern template class LossyBroadcastRing<Numbered<double>, NativeMemory>;
extern template class BroadcastPrefix<double, NativeMemory>;
extern template class LanePublisher<test::Parcel, HeapHome>;
extern template class LanePublisher<Numbered<test::Parcel>, HeapHome>;
extern template class TopicLanes<test::Parcel, HeapHome>;

// segment_instances.cpp
extern template class Directory<SharedMemory>;
extern template class InlineAudience<SharedMemory>;
extern template class InlineRegistry<SharedMemory>;
extern template class SubscriptionCore<SharedMemory>;
extern template class BusCore<SegmentHome>;
extern template class DispatcherCore<SegmentHome>;
#if !defined(__clang__)
extern template class BasicBus<SegmentHome>;
#endif
extern template class Dispatcher<SegmentHome>;
extern template class CleanUp<SharedMemory>;
extern template class LanePublisher<test::Word, SegmentHome>;
extern template class LanePublisher<Numbered<test::Word>, SegmentHome>;
extern template class TopicLanes<test::Word, SegmentHome>;
extern template class BroadcastRing<test::Word, SharedMemory>;
extern template class BroadcastRing<Numbered<test::Word>, SharedMemory>;
extern template class LossyBroadcastRing<test::Word, SharedMemory>;
extern template class LossyBroadcastRing<Numbered<test::Word>, SharedMemory>;
extern template class BroadcastPrefix<test::Word, SharedMemory>;
extern template class LanePublisher<RequestElement<test::Ask>, SegmentHome>;
extern template class BroadcastRing<RequestElement<test::Ask>, SharedMemory>;
extern template class LanePublisher<ReplyElement<test::Tell>, SegmentHome>;
extern template class BroadcastRing<ReplyElement<test::Tell>, SharedMemory>;
extern template class PendingTable<test::Tell, SharedMemory>;
extern template class RequesterCore<test::Tell, test::Ask, SegmentHome>;

}  // namespace ringway
