import type { TrunkId } from '../../model/ids.ts'

/**
 * Says in a message to the SIP server whose trunk it belongs to, for the server's counts. The embedded one takes the header off; any
 * other server would send it to our peers, and is told nothing.
 */
export function trunkParty(id: TrunkId | null | undefined, isSipServerOurs: boolean): Record<string, string> {
  return id && isSipServerOurs ? { 'X-DCE-Party': id } : {}
}
