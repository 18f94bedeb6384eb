// The sandboxed processor of bullmq.js: BullMQ starts it in a process of its own.
const { burn } = require("./bullmq.js");

module.exports = async (job) => burn(job.data.number);
