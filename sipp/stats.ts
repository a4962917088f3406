import { readFile } from 'node:fs/promises'

/** SIPp’s own counts, from its statistics file. */
export interface ScenarioStats {
  readonly created: number
  readonly successful: number
  readonly failed: number
  /** Why calls failed, by SIPp’s words, without those that never happened. */
  readonly failures: Readonly<Record<string, number>>
  readonly retransmissions: number
  /** Calls that were up when the file was last written. */
  readonly current: number
}

const NOTHING: ScenarioStats = { created: 0, successful: 0, failed: 0, failures: {}, retransmissions: 0, current: 0 }

/** Reads the last line of a statistics file (`-trace_stat`); all zero when there is none yet. */
export async function readStats(path: string): Promise<ScenarioStats> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const lines = text.trimEnd().split('\n')
  if (lines.length < 2) return NOTHING
  const names = lines[0]!.split(';')
  const values = lines.at(-1)!.split(';')
  const counts = new Map(names.map((name, index) => [name, Number(values[index] ?? 0) || 0]))
  const count = (name: string) => counts.get(name) ?? 0
  const failures: Record<string, number> = {}
  for (const [name, value] of counts) {
    const reason = /^Failed(?!Call)(.+)\(C\)$/.exec(name)?.[1]
    if (reason !== undefined && value > 0) failures[reason] = value
  }
  return {
    created: count('TotalCallCreated'),
    successful: count('SuccessfulCall(C)'),
    failed: count('FailedCall(C)'),
    failures,
    retransmissions: count('Retransmissions(C)'),
    current: count('CurrentCall'),
  }
}
