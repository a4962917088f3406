/** One number that we publish. */
export interface BenchResult {
  name: string
  value: number
  unit: 'ns' | 'us' | 'ms' | '1/s' | 'bytes' | 'calls' | 'ratio'
  /** What was measured, on what, how often. */
  detail: string
}
