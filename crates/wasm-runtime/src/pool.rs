//! The bounds of instances: how many memories, tables and stacks a guest may have, in the pool and outside of it.

use crate::engine::EngineOptions;
use crate::held::MAX_STACKS;
use wasmtime::{Enabled, PoolingAllocationConfig};

/// Bytes of an instance's memory that are wiped and kept, instead of given back to the kernel.
const KEEP_RESIDENT: usize = 128 << 10;

/// The pages in which a memory grows, bytes.
const PAGE: usize = 64 << 10;

/// The most memories, tables and core instances that one guest may have. Every guest that runs finds
/// as many free, so none can take what another needs. Slots cost address space, not memory.
const MEMORIES: u32 = 4;
/// See [`MEMORIES`].
const TABLES: u32 = 8;
/// See [`MEMORIES`].
const CORE_INSTANCES: u32 = 128;
/// Stacks of a guest, and of the one that an exchange of it may run in its turn.
const STACKS: u32 = 2;
/// The same where calls are concurrent: each that waits in the middle of another has one, and a component may consist of many
/// others that call each other. Beside those that [`held`](crate::held) allows there is the one that runs, one that waits for
/// work, and one that the store keeps at hand.
const CONCURRENT_STACKS: u32 = MAX_STACKS as u32 + 4;

/// Elements of a table that fits the pool: more than any program of C or Rust has. Unlike memories, tables are mapped as a
/// whole, so larger ones are made on demand.
const TABLE_ELEMENTS: usize = 256 << 10;

/// The bounds of a guest that does not fit the pool: it has instances, memories and tables made on demand, within its memory
/// limit, but not any number of them. How large its tables are is bounded elsewhere: those of the copy that is checked are empty.
pub fn widest(memory_limit: u64, concurrent: bool) -> PoolingAllocationConfig {
    const INSTANCES: u32 = 256;
    const MEMORIES: u32 = 32;
    let options = EngineOptions {
        max_instances: 1,
        memory_limit,
        ..EngineOptions::default()
    };
    let mut pool = pool(&options, concurrent);
    pool.total_core_instances(INSTANCES)
        .max_core_instances_per_component(INSTANCES)
        .total_memories(MEMORIES + 1)
        .max_memories_per_component(MEMORIES)
        .max_memories_per_module(MEMORIES)
        .total_tables(INSTANCES)
        .max_tables_per_component(INSTANCES)
        .max_tables_per_module(INSTANCES)
        .table_elements(0)
        .max_component_instance_size(16 << 20);
    pool
}

/// The pool of instances.
pub fn pool(options: &EngineOptions, concurrent: bool) -> PoolingAllocationConfig {
    let n = options.max_instances.max(1);
    // Whole pages: what a guest may take is counted elsewhere, and a heap whose reservation ends within a page aborts the
    // process (GHSA-wvgq-g5hf-6gm6).
    let memory = usize::try_from(options.memory_limit).unwrap_or(usize::MAX);
    let memory = memory.checked_next_multiple_of(PAGE).unwrap_or(memory);
    let stacks = match concurrent {
        true => CONCURRENT_STACKS,
        false => STACKS,
    };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(n.saturating_mul(CORE_INSTANCES))
        .max_core_instances_per_component(CORE_INSTANCES)
        .total_component_instances(n)
        // A heap for garbage-collected objects, which exceptions are too, takes the place of a memory.
        .total_memories(n.saturating_mul(MEMORIES + 1))
        .max_memories_per_component(MEMORIES)
        .max_memories_per_module(MEMORIES)
        .total_tables(n.saturating_mul(TABLES))
        .max_tables_per_component(TABLES)
        .max_tables_per_module(TABLES)
        .total_stacks(n.saturating_mul(stacks))
        .total_gc_heaps(n)
        .max_memory_size(memory)
        .table_elements(TABLE_ELEMENTS)
        .max_core_instance_size(16 << 20)
        .max_component_instance_size(4 << 20)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_RESIDENT);
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Yes);
    }
    pool
}
