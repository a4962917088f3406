import type { Core } from './core.ts'
import type { SipMessage } from './message.ts'
import type { Dialog } from './state.ts'

/** A dialog of subscriptions alone holds so many at most; one more is not counted, and ends with the others. */
const MAX_SUBSCRIPTIONS = 32

/** Methods that make a dialog outside one: a call, or a subscription (RFC 6665 §4.1, RFC 3515 §2.4.4). */
export function beginsDialog(method: string): boolean {
  return method === 'INVITE' || method === 'SUBSCRIBE' || method === 'REFER'
}

/** Methods that make a subscription. A REFER can say that it wants none (RFC 4488). */
export function subscribes(request: SipMessage): boolean {
  if (request.method === 'SUBSCRIBE') return true
  return request.method === 'REFER' && !/^\s*false/i.test(request.get('refer-sub') ?? '')
}

/** The name of a subscription within its dialog: its event package, and its `id` (RFC 6665 §4.5.2). */
function nameOf(request: SipMessage): string {
  if (request.method === 'REFER') return 'refer'
  const event = (request.get('event') ?? '').toLowerCase()
  const id = /;\s*id\s*=\s*([^\s;]+)/.exec(event)?.[1]
  const eventPackage = event.split(';')[0]!.trim()
  return id === undefined ? eventPackage : `${eventPackage};${id}`
}

/** A SUBSCRIBE or REFER was accepted in a dialog. */
export function addSubscription(dialog: Dialog, request: SipMessage): void {
  if (dialog.method === 'INVITE' || dialog.subscriptions.length >= MAX_SUBSCRIPTIONS) return
  const name = nameOf(request)
  if (!dialog.subscriptions.includes(name)) dialog.subscriptions.push(name)
}

/** A NOTIFY that ends a subscription: whether it was the last, so that the dialog is over (RFC 6665 §4.4.1). */
export function endsLastSubscription(dialog: Dialog, notify: SipMessage): boolean {
  if (dialog.method === 'INVITE' || !/^\s*terminated/i.test(notify.get('subscription-state') ?? '')) return false
  const name = nameOf(notify)
  const { subscriptions } = dialog
  const at = subscriptions.indexOf(name)
  // The NOTIFYs of a REFER may or may not repeat its CSeq as `id` (RFC 3515 §2.4.6).
  if (at !== -1) subscriptions.splice(at, 1)
  else if (subscriptions.length <= 1) subscriptions.length = 0
  else dialog.subscriptions = subscriptions.filter((each) => each !== name.split(';')[0])
  return dialog.subscriptions.length === 0
}

/**
 * A SUBSCRIBE was accepted: its dialog is forgotten when the time granted is over, and with it the time for a last NOTIFY (timer N:
 * RFC 6665 §4.1.2.4), unless it is refreshed. Several subscriptions of one dialog live as long as any dialog may.
 */
export function limitLife(core: Core, dialog: Dialog, accepted: SipMessage): void {
  if (dialog.method !== 'SUBSCRIBE' || dialog.state === 'terminated') return
  const granted = accepted.get('expires')?.trim() ?? ''
  const { wheel, timers, limits } = core
  const isKnown = dialog.subscriptions.length === 1 && /^\d{1,9}$/.test(granted)
  const lifeMs = isKnown ? Math.min(Number(granted) * 1000 + timers.giveUpMs, limits.maxDialogMs) : limits.maxDialogMs
  dialog.lifeTimer?.cancel()
  dialog.lifeTimer = wheel.arm(lifeMs, dialog, 'life')
}
