<#
    Runs the collector of the group-writeback runbook on the server that this reaches, in Windows PowerShell 5.1, and
    hands back the one file that it writes. Writes nothing but a folder of its own under the temporary files, which is
    removed at the end. The collector is the same file that an administrator would run by hand.
#>
param([string] $Collector)

$folder = Join-Path -Path ([System.IO.Path]::GetTempPath()) -ChildPath ('gwb-' + [Guid]::NewGuid().ToString('N'))
[void] [System.IO.Directory]::CreateDirectory($folder)
try {
    $script = Join-Path -Path $folder -ChildPath 'gwb-connect-collector.ps1'
    $file = Join-Path -Path $folder -ChildPath 'connect-evidence.json'
    [System.IO.File]::WriteAllBytes($script, [Convert]::FromBase64String($Collector))
    # What a program says on its error stream would end this script otherwise.
    $ErrorActionPreference = 'Continue'
    $said = & powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -File $script -Path $file 2>&1 | Out-String
    if (-not [System.IO.File]::Exists($file)) {
        throw ('The collector ended with exit code {0} and wrote no file: {1}' -f $LASTEXITCODE, $said.Trim())
    }
    [Convert]::ToBase64String([System.IO.File]::ReadAllBytes($file))
} finally {
    [System.IO.Directory]::Delete($folder, $true)
}
