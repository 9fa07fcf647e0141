<#
    Collector of the group-writeback runbook: what this Connect Sync server is set up to do, and what it did last.

    Reads only. It changes nothing, asks for no sign-in and leaves exactly one file, which it names at the end.
    Run it in Windows PowerShell 5.1 as an administrator of the server (a member of ADSyncAdmins), also in staging mode:

        powershell.exe -NoProfile -ExecutionPolicy Bypass -File .\gwb-connect-collector.ps1

    With -PendingExports it also lists the groups below the container of written groups that wait to be exported, by name
    and anchor. For that csexport.exe of the server writes a file of its own to the temporary folder, which is read and
    removed; no other object of it gets into the evidence.

    The file holds names of accounts, OUs, rules and servers. It holds no password, no key and no person's data.
    Whatever cannot be read is named in it with the reason.

    Sources: Microsoft Entra documentation, "Microsoft Entra Connect: ADSync PowerShell Reference", "Connect Sync:
    scheduler", "Admin audit logging", "Import and export configuration settings".
#>
#Requires -Version 5.1
[CmdletBinding()]
param(
    # The file to write. It must not exist.
    [string] $Path = (Join-Path -Path (Get-Location).ProviderPath -ChildPath (
            'connect-evidence-{0}-{1}.json' -f $env:COMPUTERNAME, [DateTime]::UtcNow.ToString('yyyyMMddTHHmmssZ'))),
    # Audit events and exported settings of this many days are listed.
    [ValidateRange(1, 365)]
    [int] $Days = 30,
    # List the groups that wait to be exported to the container of written groups.
    [switch] $PendingExports
)

$ErrorActionPreference = 'Stop'
$Version = 1

if (-not (Get-Module -ListAvailable -Name ADSync)) {
    throw 'This is no Connect Sync server: it has no PowerShell module ADSync. Nothing was written.'
}
if (Test-Path -LiteralPath $Path) {
    throw ('{0} exists already. Nothing was written.' -f $Path)
}
Import-Module -Name ADSync

function Get-Moment {
    param($Value)
    if ($null -eq $Value) { return $null }
    try { $moment = [DateTime] $Value } catch { return $null }
    # ADSync gives times of no kind, which are UTC; the event log gives local ones.
    if ($moment.Kind -eq [DateTimeKind]::Unspecified) { $moment = [DateTime]::SpecifyKind($moment, [DateTimeKind]::Utc) }
    return $moment.ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ')
}

function Get-Words {
    param($Value)
    if ($null -eq $Value) { return $null }
    return [string] $Value
}

$unread = New-Object -TypeName 'System.Collections.Generic.List[object]'
$evidence = [ordered] @{
    collected = [DateTime]::UtcNow.ToString('yyyy-MM-ddTHH:mm:ssZ')
    server = [string] $env:COMPUTERNAME
    collected_by = '{0}\{1}' -f $env:USERDOMAIN, $env:USERNAME
    script_sha256 = $null
}

function Add-Part {
    # Reads one part into the evidence; if that fails, the part is null and the reason is kept.
    param([string] $Name, [switch] $List, [scriptblock] $Read)
    $evidence[$Name] = $null
    try {
        # A list goes straight into its place: a function that returns one would make an object of a single element.
        if ($List) { $evidence[$Name] = [object[]] @(& $Read) } else { $evidence[$Name] = & $Read }
    } catch {
        $unread.Add([ordered] @{ part = $Name; why = [string] $_.Exception.Message })
    }
}

$counters = @('StageAdd', 'StageUpdate', 'StageRename', 'StageDelete', 'StageDeleteAdd', 'StageFailure',
    'ExportAdd', 'ExportUpdate', 'ExportRename', 'ExportDelete', 'ExportDeleteAdd', 'ExportFailure')
$named = @('Microsoft.OptionalFeature.GroupWriteBack', 'Microsoft.GroupWriteBack.Container',
    'Microsoft.GroupWriteBack.Forest', 'Microsoft.OptionalFeature.ExportDeletionThreshold',
    'Microsoft.OptionalFeature.ExportDeletionThresholdValue', 'Microsoft.Synchronize.StagingMode',
    'Microsoft.Synchronize.SchedulerSuspended', 'Microsoft.Synchronize.TimeInterval',
    'Microsoft.Synchronize.NextStartTime', 'Microsoft.Synchronize.ServerConfigurationVersion',
    'Microsoft.OptionalFeature.AutoUpgradeState', 'Microsoft.OptionalFeature.GroupFiltering',
    'Microsoft.OptionalFeature.HybridExchange', 'Microsoft.SynchronizationOption.AnchorAttribute')

Add-Part -Name 'build' -Read {
    $folders = @("$env:ProgramFiles\Microsoft Azure Active Directory Connect",
        "$env:ProgramFiles\Microsoft Azure AD Connect")
    $found = $folders | ForEach-Object { Join-Path -Path $_ -ChildPath 'AzureADConnect.exe' } |
        Where-Object { Test-Path -LiteralPath $_ } | Select-Object -First 1
    if (-not $found) { throw 'AzureADConnect.exe is in none of its known folders.' }
    [string] (Get-Item -LiteralPath $found).VersionInfo.ProductVersion
}

Add-Part -Name 'scheduler' -Read {
    $read = Get-ADSyncScheduler
    [ordered] @{
        cycle_enabled = [bool] $read.SyncCycleEnabled
        staging = [bool] $read.StagingModeEnabled
        suspended = [bool] $read.SchedulerSuspended
        maintenance = [bool] $read.MaintenanceEnabled
        in_progress = [bool] $read.SyncCycleInProgress
        interval = Get-Words $read.CurrentlyEffectiveSyncCycleInterval
        next = Get-Moment $read.NextSyncCycleStartTimeInUTC
        next_policy = Get-Words $read.NextSyncCyclePolicyType
    }
}

Add-Part -Name 'features' -Read {
    $read = Get-ADSyncAADCompanyFeature
    [ordered] @{
        v1 = if ($null -eq $read.UnifiedGroupWriteback) { $null } else { [bool] $read.UnifiedGroupWriteback }
        v2 = if ($null -eq $read.GroupWritebackV2) { $null } else { [bool] $read.GroupWritebackV2 }
    }
}

Add-Part -Name 'settings' -List -Read {
    (Get-ADSyncGlobalSettings).Parameters | Where-Object { $named -contains $_.Name } | Sort-Object -Property Name |
            ForEach-Object { [ordered] @{ name = [string] $_.Name; value = Get-Words $_.Value } }
}

Add-Part -Name 'connectors' -List -Read {
    @(Get-ADSyncConnector | ForEach-Object {
            $one = $_
            $kind = Get-Words $one.ConnectorTypeName
            $account = $null
            $forest = $null
            $container = $null
            if ($kind -eq 'AD') {
                # Exactly these three connectivity parameters: none of them is secret.
                $domain = [string] $one.ConnectivityParameters['forest-login-domain'].Value
                $user = [string] $one.ConnectivityParameters['forest-login-user'].Value
                $account = '{0}\{1}' -f $domain, $user
                $forest = Get-Words $one.ConnectivityParameters['forest-name'].Value
                $container = Get-Words $one.GlobalParameters['Connector.GroupWriteBackContainerDn'].Value
            }
            [ordered] @{
                name = [string] $one.Name
                id = [string] $one.Identifier
                kind = $kind
                account = $account
                forest = $forest
                writeback_container = $container
                partitions = @($one.Partitions | Where-Object { $_ } | ForEach-Object {
                        [ordered] @{
                            name = [string] $_.Name
                            included = @($_.ConnectorPartitionScope.ContainerInclusionList |
                                    Where-Object { $_ } | ForEach-Object { [string] $_ })
                            excluded = @($_.ConnectorPartitionScope.ContainerExclusionList |
                                    Where-Object { $_ } | ForEach-Object { [string] $_ })
                        }
                    })
            }
        })
}

Add-Part -Name 'rules' -List -Read {
    @(Get-ADSyncRule | Where-Object {
            $_.Name -like '*SOAInAAD*' -or $_.Name -like '*Group Writeback*' -or
            (-not $_.IsStandardRule -and ($_.SourceObjectType -eq 'group' -or $_.TargetObjectType -eq 'group'))
        } | Sort-Object -Property Precedence | ForEach-Object {
            [ordered] @{
                name = [string] $_.Name
                id = [string] $_.Identifier
                direction = Get-Words $_.Direction
                precedence = [int] $_.Precedence
                disabled = [bool] $_.Disabled
                standard = [bool] $_.IsStandardRule
                link_type = Get-Words $_.LinkType
                connector = [string] $_.Connector
                source_type = Get-Words $_.SourceObjectType
                target_type = Get-Words $_.TargetObjectType
                flows = @($_.AttributeFlowMappings | Where-Object { $_ } | ForEach-Object {
                        [ordered] @{
                            destination = Get-Words $_.Destination
                            kind = Get-Words $_.FlowType
                            source = (@($_.Source) -join ',')
                            expression = Get-Words $_.Expression
                        }
                    })
                scope = @($_.ScopeFilter | Where-Object { $_ } | ForEach-Object {
                        [ordered] @{
                            conditions = @($_.ScopeConditionList | Where-Object { $_ } | ForEach-Object {
                                    '{0} {1} {2}' -f $_.Attribute, $_.ComparisonOperator, $_.ComparisonValue
                                })
                        }
                    })
            }
        })
}

Add-Part -Name 'runs' -List -Read {
    @(Get-ADSyncRunProfileResult -NumberRequested 40 -RunStepDetails | ForEach-Object {
            [ordered] @{
                connector = [string] $_.ConnectorName
                profile = [string] $_.RunProfileName
                number = [int] $_.RunNumber
                complete = [bool] $_.IsRunComplete
                result = Get-Words $_.Result
                started = Get-Moment $_.StartDate
                ended = Get-Moment $_.EndDate
                steps = @($_.RunStepResults | Where-Object { $_ } | ForEach-Object {
                        $step = $_
                        $counted = [ordered] @{}
                        foreach ($counter in $counters) { $counted[$counter] = [int] $step.$counter }
                        [ordered] @{
                            number = [int] $step.StepNumber
                            result = Get-Words $step.StepResult
                            counters = $counted
                        }
                    })
            }
        })
}

Add-Part -Name 'pending' -List -Read {
    @(Get-ADSyncConnector | ForEach-Object {
            $connector = $_
            $counted = [ordered] @{}
            (Get-ADSyncConnectorStatistics -ConnectorName $connector.Name).PSObject.Properties |
                Where-Object { $_.Value -is [int] -or $_.Value -is [long] } |
                ForEach-Object { $counted[$_.Name] = [long] $_.Value }
            [ordered] @{ connector = [string] $connector.Name; counters = $counted }
        })
}

Add-Part -Name 'export_errors' -List -Read {
    # Of the last export to each forest, and only below the container of written groups: no other object is named.
    $found = @()
    foreach ($connector in (Get-ADSyncConnector | Where-Object { $_.ConnectorTypeName -eq 'AD' })) {
        $container = [string] $connector.GlobalParameters['Connector.GroupWriteBackContainerDn'].Value
        if (-not $container) { continue }
        $run = Get-ADSyncRunProfileResult -ConnectorId $connector.Identifier -NumberRequested 20 |
            Where-Object { $_.RunProfileName -like '*Export*' } | Select-Object -First 1
        if (-not $run) { continue }
        foreach ($step in (Get-ADSyncRunStepResult -RunHistoryId $run.RunHistoryId)) {
            $text = [string] $step.SyncErrors.SyncErrorsXml
            if (-not $text) { continue }
            foreach ($node in ([xml] ('<all>' + $text + '</all>')).SelectNodes('//*[@dn]')) {
                $dn = [string] $node.GetAttribute('dn')
                if (-not $dn.EndsWith(',' + $container, [StringComparison]::OrdinalIgnoreCase)) { continue }
                $code = $node.SelectSingleNode('.//error-code')
                $kind = $node.SelectSingleNode('.//error-type')
                $found += [ordered] @{
                    connector = [string] $connector.Name
                    dn = $dn
                    kind = if ($kind) { [string] $kind.InnerText } else { $null }
                    code = if ($code) { [string] $code.InnerText } else { $null }
                }
                if ($found.Count -ge 200) { return $found }
            }
        }
    }
    $found
}

Add-Part -Name 'audit' -List -Read {
    $filter = @{ LogName = 'Application'; Id = 2503, 2505, 2510, 2511, 2512, 2517, 2518
        StartTime = [DateTime]::Now.AddDays(-$Days)
    }
    try {
        $events = @(Get-WinEvent -FilterHashtable $filter -MaxEvents 200)
    } catch [Exception] {
        if ($_.FullyQualifiedErrorId -like 'NoMatchingEventsFound*') { $events = @() } else { throw }
    }
    @($events | ForEach-Object {
            $line = ([string] $_.Message -split "`r?`n")[0]
            [ordered] @{
                id = [int] $_.Id
                at = Get-Moment $_.TimeCreated
                message = $line.Substring(0, [Math]::Min($line.Length, 300))
            }
        })
}

Add-Part -Name 'exported_settings' -List -Read {
    $folder = Join-Path -Path $env:ProgramData -ChildPath 'AADConnect'
    if (-not (Test-Path -LiteralPath $folder)) { return @() }
    @(Get-ChildItem -LiteralPath $folder -Filter '*.json' -File |
            Where-Object { $_.LastWriteTime -ge [DateTime]::Now.AddDays(-$Days) } | Sort-Object -Property LastWriteTime |
            ForEach-Object { [ordered] @{ name = $_.Name; at = Get-Moment $_.LastWriteTime } })
}

$evidence['pending_exports'] = $null
if ($PendingExports) {
    Add-Part -Name 'pending_exports' -List -Read {
        $tool = Join-Path -Path $env:ProgramFiles -ChildPath 'Microsoft Azure AD Sync\Bin\csexport.exe'
        if (-not (Test-Path -LiteralPath $tool)) { throw 'csexport.exe is not in its known folder.' }
        $found = New-Object -TypeName 'System.Collections.Generic.List[object]'
        foreach ($connector in (Get-ADSyncConnector | Where-Object { $_.ConnectorTypeName -eq 'AD' })) {
            $container = [string] $connector.GlobalParameters['Connector.GroupWriteBackContainerDn'].Value
            if (-not $container) { continue }
            $file = [System.IO.Path]::Combine([System.IO.Path]::GetTempPath(), [Guid]::NewGuid().ToString() + '.xml')
            try {
                & $tool $connector.Name $file '/f:x' | Out-Null
                if ($LASTEXITCODE -ne 0) { throw ('csexport.exe ended with {0}.' -f $LASTEXITCODE) }
                $reader = [System.Xml.XmlReader]::Create($file)
                try {
                    # One object at a time: the file holds every pending export of the forest. What was read whole is
                    # behind the reader, so it moves on by itself only where it stands on something else.
                    while (-not $reader.EOF) {
                        if ($reader.NodeType -ne [System.Xml.XmlNodeType]::Element -or $reader.Name -ne 'cs-object') {
                            [void] $reader.Read()
                            continue
                        }
                        $node = ([xml] $reader.ReadOuterXml()).DocumentElement
                        $delta = $node.SelectSingleNode('unapplied-export/delta')
                        if (-not $delta -or $node.GetAttribute('object-type') -ne 'group') { continue }
                        $dn = [string] $delta.GetAttribute('dn')
                        if (-not $dn) { $dn = [string] $node.GetAttribute('cs-dn') }
                        if (-not $dn.EndsWith(',' + $container, [StringComparison]::OrdinalIgnoreCase)) { continue }
                        $anchor = $null
                        foreach ($part in @('unapplied-export-hologram', 'synchronized-hologram')) {
                            $value = $node.SelectSingleNode($part + '/entry/attr[@name="adminDescription"]/value')
                            if ($value -and -not $anchor) { $anchor = [string] $value.InnerText }
                        }
                        $found.Add([ordered] @{
                                connector = [string] $connector.Name
                                operation = [string] $delta.GetAttribute('operation')
                                dn = $dn
                                anchor = $anchor
                            })
                    }
                } finally {
                    $reader.Close()
                }
            } finally {
                [System.IO.File]::Delete($file)
            }
        }
        $found.ToArray()
    }
}

if ($PSCommandPath) {
    $evidence['script_sha256'] = (Get-FileHash -LiteralPath $PSCommandPath -Algorithm SHA256).Hash.ToLowerInvariant()
}
$evidence['unread'] = $unread.ToArray()

# The digest is of the evidence as it stands in the file, with line feeds alone: an edit is noticed, a mail system is not.
$body = (ConvertTo-Json -InputObject $evidence -Depth 12) -replace "`r`n", "`n"
$utf8 = New-Object -TypeName System.Text.UTF8Encoding -ArgumentList $false
$sha = [System.Security.Cryptography.SHA256]::Create()
$digest = -join ($sha.ComputeHash($utf8.GetBytes($body)) | ForEach-Object { $_.ToString('x2') })
$text = "{{`n""format"": ""gwb-connect-evidence"",`n""version"": {0},`n""sha256"": ""{1}"",`n""evidence"": {2}`n}}`n" -f
$Version, $digest, $body
[System.IO.File]::WriteAllText($Path, $text, $utf8)
Write-Output ('Evidence: {0}' -f $Path)
Write-Output ('SHA-256 of the evidence: {0}' -f $digest)
if ($unread.Count) { Write-Output ('Not read: {0}' -f (($unread | ForEach-Object { $_.part }) -join ', ')) }
