/** The principal that Envelope carries; an int16 version stands before it. */
import { data } from '../codec.ts'
import { bool, string } from '../types.ts'

export const DefaultPrincipalData = data('DefaultPrincipalData', { versions: [0, 0], flexible: 0 }, {
  type:               string,
  name:               string,
  tokenAuthenticated: bool,
})
