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

/** The Allow header of what the server says by itself, and of applications that say nothing of theirs. */
export const ALLOW =
  'INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK, REGISTER, MESSAGE, NOTIFY, SUBSCRIBE, REFER, PUBLISH'
