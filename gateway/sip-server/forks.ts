import { detach } from './characters.ts'
import type { SipMessage } from './message.ts'
import type { ClientTransaction, Dialog } from './state.ts'

/**
 * Makes the early dialog with this To tag the one that `dialog` stands for: to the application all forks are one dialog,
 * under one name, until one of them has answered. False when there are too many forks already.
 */
export function selectFork(dialog: Dialog, tag: string, maxForks: number): boolean {
  if (dialog.remoteTag === tag) return true
  const known = dialog.forks?.get(tag)
  if (known === undefined && (dialog.forks?.size ?? 0) + 1 >= maxForks) return false
  dialog.forks ??= new Map()
  if (dialog.remoteTag !== '') {
    const { remoteTag, remoteValue, remoteTarget, routeSet, remoteCSeq } = dialog
    dialog.forks.set(remoteTag, { remoteTag, remoteValue, remoteTarget, routeSet, remoteCSeq })
  }
  dialog.forks.delete(tag)
  dialog.remoteTag = tag
  if (known === undefined) {
    dialog.remoteCSeq = -1
    return true
  }
  dialog.remoteValue = known.remoteValue
  dialog.remoteTarget = known.remoteTarget
  dialog.routeSet = known.routeSet
  dialog.remoteCSeq = known.remoteCSeq
  return true
}

/** A request of the callee's in an early dialog: of which fork, and what it tells about that one. False: too many forks. */
export function selectForkOfRequest(dialog: Dialog, request: SipMessage, maxForks: number): boolean {
  if (dialog.remoteTag === request.fromTag) return true
  if (!selectFork(dialog, request.fromTag, maxForks)) return false
  dialog.remoteValue = detach(request.get('from') ?? '')
  return true
}

/** A fork is over (RFC 6228: 199, or its BYE). Answers whether another one is left. */
export function endFork(dialog: Dialog, tag: string): boolean {
  if (dialog.remoteTag !== tag) {
    dialog.forks?.delete(tag)
    return true
  }
  const [next] = dialog.forks?.values() ?? []
  // Nothing more can be sent to it; what another fork says will take its place.
  dialog.remoteTag = ''
  if (next === undefined) return false
  return selectFork(dialog, next.remoteTag, Infinity)
}

/**
 * Takes note of a provisional response's RSeq. False for one that is not next in its fork (RFC 3262 §4): a repetition, or one
 * that has overtaken another, which will be sent again.
 */
export function isNextProvisional(invite: ClientTransaction, response: SipMessage, maxForks: number): boolean {
  const rseq = response.get('rseq')
  if (rseq === undefined || !response.getAll('require').some((option) => option.toLowerCase() === '100rel')) return true
  const number = Number(rseq)
  if (!Number.isSafeInteger(number) || number < 1) return false
  const last = invite.rseqs?.get(response.toTag)
  if (last !== undefined && number !== last + 1) return false
  if (last === undefined && (invite.rseqs?.size ?? 0) >= maxForks) return false
  invite.rseqs ??= new Map()
  invite.rseqs.set(response.toTag, number)
  return true
}

/** The fork whose provisional response a PRACK of the application's acknowledges becomes the current one. */
export function selectForkOfPrack(dialog: Dialog, prack: SipMessage): void {
  const rseqs = dialog.clientInvite?.rseqs
  if (dialog.forks === null || rseqs === undefined || rseqs === null) return
  const number = Number.parseInt(prack.get('rack') ?? '', 10)
  if (rseqs.get(dialog.remoteTag) === number) return
  for (const [tag, rseq] of rseqs) if (rseq === number && dialog.forks.has(tag)) selectFork(dialog, tag, Infinity)
}
