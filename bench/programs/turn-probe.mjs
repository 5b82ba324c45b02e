// Preloaded into a process: measures how long its event loop is held up at a time, and answers on the Unix socket that SLUICE_BENCH_TURNS names.
import { openSync, readSync } from 'node:fs';
import { createServer } from 'node:http';
import { performance } from 'node:perf_hooks';

const socket = process.env.SLUICE_BENCH_TURNS;
// Not in the processes that this one starts.
delete process.env.SLUICE_BENCH_TURNS;
if (socket !== undefined) {
  let turns = [];
  let before = reading();
  // A timer of a millisecond fires late by as much as the turns in between took.
  const look = () => {
    const now = reading();
    turns.push([now.at, now.active - before.active, now.delayed - before.delayed]);
    before = now;
  };
  setInterval(look, 1).unref();
  createServer((_request, response) => {
    response.end(JSON.stringify(turns));
    turns = [];
  })
    .listen(socket)
    .unref();
}

/** Now on the clock of the machine, and milliseconds in which the event loop was not idle, and in which the thread was ready to run but another process ran. */
function reading() {
  return { at: Number(process.hrtime.bigint()) / 1e6, active: performance.eventLoopUtilization().active, delayed: delayed() };
}

function delayed() {
  if (process.platform !== 'linux') return 0;
  const { file, octets } = schedule();
  const length = readSync(file, octets, 0, octets.length, 0);
  return Number(octets.toString('latin1', 0, length).split(' ')[1]) / 1e6;
}

function schedule() {
  schedule.opened ??= { file: openSync(`/proc/self/task/${process.pid}/schedstat`, 'r'), octets: Buffer.alloc(128) };
  return schedule.opened;
}
