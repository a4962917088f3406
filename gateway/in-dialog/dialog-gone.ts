/** RFC 3261 §12.2.1.2: after such an answer to a request inside the dialog, or none at all, the dialog is over. */
export function isDialogGone(status: number): boolean {
  return status === 481 || status === 408
}
