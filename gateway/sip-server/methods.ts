/** Methods an application can send and be shown; ACK and CANCEL go with INVITE. */
export const METHODS: ReadonlySet<string> = new Set([
  'INVITE',
  'BYE',
  'OPTIONS',
  'INFO',
  'UPDATE',
  'REGISTER',
  'MESSAGE',
  'NOTIFY',
  'SUBSCRIBE',
  'REFER',
  'PRACK',
  'PUBLISH',
])

/** Requests whose senders are asked who they are: refused for that too often, they are guessing passwords. */
export const IDENTIFIED: ReadonlySet<string> = new Set(['INVITE', 'REGISTER', 'MESSAGE', 'SUBSCRIBE'])

/** The Allow header of what the server says by itself, and of applications that say nothing of theirs. */
export const ALLOW =
  'INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK, REGISTER, MESSAGE, NOTIFY, SUBSCRIBE, REFER, PUBLISH'

/** What comes with a call, whatever else an application asks for. */
const WITH_INVITE = new Set(['ACK', 'BYE', 'CANCEL', 'UPDATE', 'PRACK'])

/** The Allow header of a server whose applications ask for these methods, in lower case. */
export function allowOf(routes: readonly string[]): string {
  const takesCalls = routes.includes('invite')
  return ALLOW.split(', ')
    .filter((method) => routes.includes(method.toLowerCase()) || (takesCalls && WITH_INVITE.has(method)))
    .join(', ')
}
