/** The quality of a trunk or target over one stretch of time. A ratio or mean of nothing is null. */
export interface QualityWindow {
  readonly seconds: number
  readonly attempts: number
  readonly answered: number
  readonly effective: number
  /** Answer-seizure ratio: answered ÷ attempts (ITU-T E.411). */
  readonly asr: number | null
  /** Network effectiveness ratio: effective ÷ attempts (ITU-T E.425). */
  readonly ner: number | null
  /** Average call duration: talk ÷ answered. */
  readonly acdSeconds: number | null
  /** Mean post-dial delay of those that rang. */
  readonly pddMs: number | null
}
