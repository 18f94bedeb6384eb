// BullMQ: `addBulk`, and one Worker per process with its `concurrency`, on ioredis. It speaks the same protocol as
// feeding.py and launch.py of benchmarks/protocol, and writes the rows of its timestamps.py. Results are kept: by
// default, BullMQ removes nothing. Jobs that compute would block the loop, so they run in a sandboxed processor, as its
// documentation advises; each worker process has one child for them.
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");
const { fork } = require("node:child_process");
const { Queue, Worker } = require("bullmq");
const IORedis = require("ioredis");

const TOGETHER = 1000;
const [ENQUEUED, STARTED, ENDED, PROCESS] = [0, 1, 2, 3];
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const timestamps = fs.openSync(process.env.MONARQ_BENCH_TIMESTAMPS, "r+");
const cell = Buffer.alloc(8);

function write(number, column, value) {
  cell.writeBigInt64LE(value);
  fs.writeSync(timestamps, cell, 0, 8, (number * 4 + column) * 8);
}

const mark = (number, column) => write(number, column, process.hrtime.bigint());

const connect = () => new IORedis(process.env.MONARQ_BENCH_URL, { maxRetriesPerRequest: null });

function burn(number) {
  mark(number, STARTED);
  write(number, PROCESS, BigInt(process.pid));
  const usedMicroseconds = () => process.cpuUsage().user + process.cpuUsage().system;
  const end = usedMicroseconds() + 50000;
  while (usedMicroseconds() < end) {
    for (let i = 0; i < 100000; i++);
  }
  mark(number, ENDED);
}

async function run(job) {
  const { number } = job.data;
  mark(number, STARTED);
  write(number, PROCESS, BigInt(process.pid));
  if (job.name === "wait") await sleep(50);
  mark(number, ENDED);
}

function work(processes, concurrency) {
  const children = [];
  for (let i = 0; i < processes; i++) children.push(fork(__filename, ["worker", String(concurrency)]));
  process.on("SIGTERM", () => {
    children.forEach((child) => child.kill("SIGTERM"));
    process.exit(0);
  });
}

function worker(concurrency) {
  const workers = [
    new Worker("bench", run, { connection: connect(), concurrency }),
    new Worker("bench-cpu", path.join(__dirname, "bullmq_burn.js"), { connection: connect(), concurrency: 1 }),
  ];
  process.on("SIGTERM", async () => {
    await Promise.all(workers.map((one) => one.close(true)));
    process.exit(0);
  });
}

async function feed() {
  const connection = connect();
  const queues = { io: new Queue("bench", { connection }), cpu: new Queue("bench-cpu", { connection }) };
  const of = (job) => (job === "burn" ? queues.cpu : queues.io);

  async function addMany(job, first, count, data) {
    for (let at = 0; at < count; at += TOGETHER) {
      const jobs = [];
      for (let i = at; i < Math.min(at + TOGETHER, count); i++) jobs.push({ name: job, data: { number: first + i, data } });
      await of(job).addBulk(jobs);
    }
  }

  async function burst({ job, first, count, size, bulk }) {
    const data = "x".repeat(size);
    const begun = performance.now();
    if (bulk) {
      await addMany(job, first, count, data);
    } else {
      for (let number = first; number < first + count; number++) {
        mark(number, ENQUEUED);
        await of(job).add(job, { number, data });
      }
    }
    return { seconds: (performance.now() - begun) / 1000 };
  }

  async function pace({ job, first, at_s }) {
    const begun = performance.now();
    let done = 0;
    let late_s = 0;
    while (done < at_s.length) {
      const now = (performance.now() - begun) / 1000;
      if (at_s[done] > now) {
        await sleep((at_s[done] - now) * 1000);
        continue;
      }
      let due = done + 1;
      while (due < at_s.length && at_s[due] <= now) due++;
      late_s = Math.max(late_s, now - at_s[done]);
      for (let i = done; i < due; i++) mark(first + i, ENQUEUED);
      if (due - done === 1) await of(job).add(job, { number: first + done, data: "" });
      else await addMany(job, first + done, due - done, "");
      done = due;
    }
    return { seconds: (performance.now() - begun) / 1000, late_s };
  }

  await queues.io.waitUntilReady();
  console.log(JSON.stringify({ ready: true }));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    console.log(JSON.stringify(await ("at_s" in order ? pace : burst)(order)));
  }
  process.exit(0);
}

module.exports = { burn };

if (require.main === module) {
  const [role, ...rest] = process.argv.slice(2);
  if (role === "feed") feed();
  else if (role === "work") work(Number(rest[0]), Number(rest[1]));
  else worker(Number(rest[0]));
}
