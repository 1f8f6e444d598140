// Blocks of threads on one thread of the host: what the emulation of CUDA rests on.
//
// Every thread of a block is a fiber, which runs until it waits for others. A barrier opens when the whole block has come to it,
// an exchange within a warp when all its lanes have. What hardware forgives by luck is an error here: a barrier that a part of
// the block does not reach, or several at once; lanes that are gone; memory written behind the end of the block's shared memory.
//
// What it cannot show: races that no order of threads gives away, weak ordering of memory, the compiler for the device, limits of
// a launch, and speed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sklort::emulation {

struct Place {
  unsigned x;
  unsigned y;
  unsigned z;
};

// Of the thread that runs.
extern Place thread_index;
extern Place block_index;
extern Place block_size;
extern Place grid_size;

// A kernel with its arguments.
using Entry = void (*)(void** arguments);

// Order in which threads and blocks take turns.
enum Order : int { ascending = 0, descending = 1 };

// Runs a grid; returns 0, or 1 after an error, whose words are then in `message`.
int launch(Entry entry, void** arguments, Place grid, Place block, std::size_t shared_bytes, int order, char* message,
           std::size_t size);

unsigned char* shared_memory();
// `line`: of the source, by which barriers are told apart.
void barrier(int line);
// Waits for the lanes of `mask`; `table` is then what each lane of the warp gave.
const std::uint64_t* exchange(unsigned mask, std::uint64_t given);
// Stops the launch.
[[noreturn]] void refuse(const char* words);

// Copies that happen as late as hardware may let them happen.
void copy_later(void* to, const void* from, std::size_t bytes);
void close_group();
void wait_for_all_but(unsigned groups);

}  // namespace sklort::emulation
