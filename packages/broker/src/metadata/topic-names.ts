/** Which names a topic may have. Kafka's rules. Pure. */

const NAME_LENGTH_MAX = 249
const LEGAL = /^[a-zA-Z0-9._-]+$/

/** What is wrong with the name, as a sentence; null when it is legal. */
export function topicNameProblem(name: string): string | null {
  if (name === '') return 'Topic name is invalid: the empty string is not allowed'
  if (name === '.' || name === '..') return `Topic name is invalid: '${name}' is not allowed`
  if (name.length > NAME_LENGTH_MAX) return `Topic name is invalid: it is longer than ${NAME_LENGTH_MAX} characters`
  if (!LEGAL.test(name)) {
    return `Topic name "${name}" is invalid: it may hold ASCII letters and digits, '.', '_' and '-' only`
  }
  return null
}

/** Names collide when this is the same: Kafka's metrics turn '.' into '_'. */
export function collisionKey(name: string): string {
  return name.replaceAll('.', '_')
}
