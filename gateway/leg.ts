import type { SipDialog } from './srf.ts'

/** One answered side of a call: a dialog of ours, and the way to end it. */
export interface Leg {
  readonly dialog: SipDialog
  /** Says BYE. Resolves when it is answered or the dialog is gone; never rejects. */
  hangUp(headers?: Record<string, string>): Promise<void>
}
