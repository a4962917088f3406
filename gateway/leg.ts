import type { DialogState } from '../model/cdr.ts'
import type { LegDialog } from './srf/srf-types.ts'

/** One answered side of a call: a dialog of ours, and the way to end it. */
export interface Leg {
  readonly dialog: LegDialog
  /** Where its signalling came from when the dialog was made; '' when it never left this process. */
  readonly sourceAddress: string
  /** Says BYE. Resolves when it is answered or the dialog is gone; never rejects. */
  hangUp(headers?: Record<string, string>): Promise<void>
  /** Enough for a BYE after a crash. */
  state(): DialogState
}
