import { crashRun } from '/work/main/packages/broker/src/testing/crash-run.ts'
const from = Number(process.argv[2] ?? 0), to = Number(process.argv[3] ?? 20), lie = process.argv[4] as any
let points = 0, acked = 0, failed = 0
const t = performance.now()
for (let s = from; s < to; s++) {
  try { const r = await crashRun(String(s), lie ? { lie } : {}); points += r.crashPoints.length; acked += r.acknowledgedBatches; if (process.env.T) console.log(r.transcript.join('\n')) }
  catch (e: any) { failed++; console.log(e.message, process.env.V ? e.cause?.stack : '') }
}
console.log({ points, acked, failed, ms: performance.now() - t })
