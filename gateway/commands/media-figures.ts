import type { MediaStats } from '../../model/cdr.ts'

/** What an engine counted of one side, in a line: `1,500 packets, 3 lost, jitter 2.1 ms, MOS 4.31 (worst 3.90), …`. */
export function describeMedia({ packetsReceived, packetsLost, jitterMs, quality }: MediaStats): string {
  const parts = [`${packetsReceived} packets`, `${packetsLost} lost`]
  if (quality?.packetsOutOfOrder) parts.push(`${quality.packetsOutOfOrder} out of order`)
  if (quality?.packetsDuplicate) parts.push(`${quality.packetsDuplicate} twice`)
  if (quality?.reportedLost) parts.push(`${quality.reportedLost} lost on the way to it, as its phone says`)
  parts.push(`jitter ${jitterMs.toFixed(1)} ms${quality ? ` (worst ${quality.jitterMaxMs.toFixed(1)})` : ''}`)
  if (quality?.roundTripMs != null) parts.push(`round trip ${quality.roundTripMs.toFixed(1)} ms`)
  if (quality?.mosMean != null && quality.mosMin != null)
    parts.push(`MOS ${quality.mosMean.toFixed(2)} (worst ${quality.mosMin.toFixed(2)})`)
  if (quality?.fault)
    parts.push(`${quality.fault.replace('_', ' ').toUpperCase()} for ${(quality.faultMs / 1000).toFixed(0)} s`)
  return parts.join(', ')
}
