/**
 * Who may do what. Handlers call `authorize` wherever Kafka checks an ACL; without `authorizer.class.name` Kafka allows
 * everything, and so does the only authoriser that is here yet.
 */
export type AclOperation =
  | 'read'
  | 'write'
  | 'create'
  | 'delete'
  | 'alter'
  | 'describe'
  | 'clusterAction'
  | 'describeConfigs'
  | 'alterConfigs'
  | 'idempotentWrite'

export type ResourceType = 'topic' | 'group' | 'cluster' | 'transactionalId'

/** Kafka's only name of a resource of type cluster. */
export const CLUSTER_RESOURCE_NAME = 'kafka-cluster'

export interface Authorizer {
  authorize(principal: string, operation: AclOperation, type: ResourceType, name: string): boolean
}

export const allowAll: Authorizer = { authorize: () => true }
