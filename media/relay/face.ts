import { DescriptionWriter } from '../sdp.ts'
import { randomSessionId } from '../session-id.ts'
import type { FaceSecurity } from './face-security.ts'
import type { RelayAddress } from './relay-options.ts'

/** Our side of the dialog with one party. */
export interface Face {
  readonly writer: DescriptionWriter
  readonly address: RelayAddress
  readonly port: number
  /** We offered this party rtcp-mux (RFC 5761); its answer says whether it is used. */
  muxOffered: boolean
  mux: boolean
  readonly security: FaceSecurity
}

export function newFace(address: RelayAddress, port: number, security: FaceSecurity): Face {
  const writer = new DescriptionWriter(randomSessionId())
  return { writer, address, port, muxOffered: false, mux: false, security }
}
