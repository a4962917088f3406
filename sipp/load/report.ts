import type { AudioResult, LoadReport, Percentiles } from './driver.ts'

/** The table `npm run load` prints. */
export function printReport(report: LoadReport): string[] {
  const { options } = report
  const rows: (readonly [string, string])[] = [
    ['rate', `${options.cps} calls/s for ${options.seconds} s, ${options.talkMs} ms each`],
    ['offered', String(report.offered)],
    ['answered', String(report.answered)],
    ['failed', describeFailures(report)],
    ['added PDD (INVITE in → INVITE out)', describe(report.addedPdd)],
    [`set-up (INVITE → 200${options.media ? '' : ', SIPp’s 4 ms clock'})`, describe(report.setup)],
    ...(report.audio ? describeAudio(report.audio) : []),
    ['SIP retransmissions of the carrier', String(report.retransmissions)],
    ['CPU of the exchange a call', `${format(report.cpuPerCallUs)} µs`],
    ...(report.ownCpuPerCallUs === null
      ? []
      : [['CPU of SIPp a call', `${format(report.ownCpuPerCallUs)} µs: how fast this machine is just now`] as const]),
    ['resident size of the exchange', `${Math.round(report.residentBytes / 1024 ** 2)} MB`],
    [
      'sum of all balances',
      report.balanceSum === 0n ? '0: the money adds up' : `${report.balanceSum} micros: IT DOES NOT`,
    ],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`)
}

function describeAudio(audio: AudioResult): [string, string][] {
  const share = (100 * audio.lost) / Math.max(1, audio.received + audio.lost)
  return [
    ['RTP packets', `${audio.sent} sent, ${audio.received} received`],
    ['RTP loss', `${audio.lost} (${share.toFixed(3)} %)`],
    ['RTP jitter, mean', `${format(audio.jitterMs)} ms`],
    ['RTP latency one way', describe(audio.latency)],
    ['MOS (E-model, G.711)', audio.mos.toFixed(2)],
  ]
}

function describeFailures({ failed, failures }: LoadReport): string {
  const reasons = Object.entries(failures).map(([reason, count]) => `${reason}: ${count}`)
  return reasons.length > 0 ? `${failed} (${reasons.join(', ')})` : String(failed)
}

function describe({ p50, p95, p99 }: Percentiles): string {
  return `p50 ${format(p50)} ms, p95 ${format(p95)} ms, p99 ${format(p99)} ms`
}

function format(value: number): string {
  if (Number.isNaN(value)) return '–'
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2)
}
