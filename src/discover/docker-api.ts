// The fields of the Docker API's answers that we read. Everything else, above all a container's environment, is never
// read. Optional is what an older engine, Podman or a proxy may omit.

export interface ApiInfo {
  readonly ID?: string
  readonly Name?: string
  readonly Swarm?: {
    readonly NodeID?: string
    readonly NodeAddr?: string
    readonly LocalNodeState?: string
    readonly ControlAvailable?: boolean
    readonly Cluster?: { readonly ID?: string } | null
    readonly RemoteManagers?: readonly { readonly NodeID?: string }[] | null
  }
}

export interface ApiContainer {
  readonly Id: string
  readonly Names?: readonly string[] | null
  readonly Image?: string
  readonly Created?: number
  readonly Labels?: Readonly<Record<string, string>> | null
  readonly State?: string
  readonly Status?: string
  readonly HostConfig?: { readonly NetworkMode?: string } | null
  readonly Mounts?: readonly { readonly Destination?: string }[] | null
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, ApiAttachment | null>> | null }
}

export interface ApiAttachment {
  readonly NetworkID?: string
  readonly IPAddress?: string
  readonly GlobalIPv6Address?: string
  readonly Gateway?: string
}

export interface ApiNetwork {
  readonly Id: string
  readonly Name: string
  readonly Driver?: string
  readonly IPAM?: { readonly Config?: readonly { readonly Gateway?: string }[] | null }
  /** By container id; only in the inspection of one network. */
  readonly Containers?: Readonly<Record<string, { readonly IPv4Address?: string }>> | null
}

export interface ApiService {
  readonly ID: string
  readonly Spec: {
    readonly Name: string
    readonly Labels?: Readonly<Record<string, string>> | null
    readonly Mode?: {
      readonly Replicated?: { readonly Replicas?: number } | null
      readonly Global?: object | null
      readonly ReplicatedJob?: { readonly MaxConcurrent?: number } | null
      readonly GlobalJob?: object | null
    }
  }
  readonly UpdateStatus?: { readonly State?: string } | null
}

export interface ApiTask {
  readonly ID: string
  readonly ServiceID?: string
  readonly Slot?: number
  readonly CreatedAt?: string
  readonly NodeID?: string
  /** Absent where an engine or a proxy omits it; such a task should run. */
  readonly DesiredState?: string
  /** Rises with each change of anything in the Swarm. */
  readonly Version?: { readonly Index?: number }
  readonly Status?: {
    readonly State?: string
    readonly ContainerStatus?: { readonly ContainerID?: string; readonly ExitCode?: number } | null
  }
}

export interface ApiNode {
  readonly ID: string
  readonly Spec?: {
    readonly Role?: string
    readonly Availability?: string
    readonly Labels?: Readonly<Record<string, string>> | null
  }
  readonly Description?: {
    readonly Hostname?: string
    readonly Engine?: { readonly EngineVersion?: string } | null
  }
  readonly Status?: { readonly State?: string; readonly Addr?: string }
  readonly ManagerStatus?: { readonly Addr?: string } | null
}

export interface ApiEvent {
  readonly Type?: string
  readonly Action?: string
  readonly Actor?: { readonly ID?: string; readonly Attributes?: Readonly<Record<string, string>> | null }
  readonly timeNano?: number
}
