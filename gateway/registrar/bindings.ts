import type { SipBinding } from '../../model/sip-user.ts'
import type { ContactChange, RegisterRequest } from './register-request.ts'
import { RequestRefused } from '../outside-calls/request-refused.ts'
import { uriEquals } from '../sip-server/uri-equality.ts'
import { parseUri } from '../sip-server/uri.ts'

/** The times of `telephony.registration`, in seconds, and how many bindings one user may have. */
export interface BindingLimits {
  readonly minExpires: number
  readonly maxExpires: number
  readonly defaultExpires: number
  readonly maxBindings: number
}

/**
 * What a user's bindings are after a REGISTER (RFC 3261 §10.3 steps 6 to 8, RFC 5626 §6): all of its changes, or none, when it
 * throws RequestRefused. Of too many, those registered longest ago are gone: a phone that lost its address in a crash must
 * not be locked out by what it was before.
 */
export function updateBindings(
  before: readonly SipBinding[],
  request: RegisterRequest,
  limits: BindingLimits,
  nowMs: number,
): readonly SipBinding[] {
  const current = before.filter((binding) => binding.expiresAtMs > nowMs)
  if (request.contacts === 'all') {
    for (const binding of current) requireNewer(binding, request)
    return []
  }
  let bindings = current
  for (const change of request.contacts) {
    const expires = expiresOf(change, limits)
    const known = bindings.find((binding) => isSame(binding, change))
    if (known) requireNewer(known, request)
    bindings = bindings.filter((binding) => binding !== known)
    if (expires > 0) bindings = [...bindings, bindingOf(change, request, nowMs, expires)]
  }
  return bindings.slice(-limits.maxBindings)
}

function expiresOf(change: ContactChange, limits: BindingLimits): number {
  const asked = change.expires ?? limits.defaultExpires
  if (asked === 0) return 0
  if (asked < limits.minExpires)
    throw new RequestRefused(423, 'Interval Too Brief', { 'Min-Expires': String(limits.minExpires) })
  return Math.min(asked, limits.maxExpires)
}

/** RFC 5626 §6: a flow is known by its instance and reg-id, whatever its URI; any other contact by its URI. */
function isSame(binding: SipBinding, change: ContactChange): boolean {
  if (change.regId !== null) return binding.regId === change.regId && binding.instance === change.instance
  if (binding.regId !== null) return false
  const uri = parseUri(binding.contact)
  return uri !== null && uriEquals(uri, change.uri)
}

/** §10.3 step 7: an older request of the same client must not undo a newer one. */
function requireNewer(binding: SipBinding, request: RegisterRequest): void {
  if (binding.callId === request.callId && request.cseq <= binding.cseq)
    throw new RequestRefused(500, 'CSeq is not higher than before')
}

function bindingOf(change: ContactChange, request: RegisterRequest, nowMs: number, expires: number): SipBinding {
  return {
    contact: change.contact,
    instance: change.instance,
    regId: change.regId,
    callId: request.callId,
    cseq: request.cseq,
    q: change.q,
    expiresAtMs: nowMs + expires * 1000,
    registeredAtMs: nowMs,
    path: request.path,
    source: request.source,
    userAgent: request.userAgent,
  }
}
