$share = '\\server\share'
@(Get-Item -LiteralPath $share) + @(Get-ChildItem -LiteralPath $share -Directory -Recurse) |
  ForEach-Object { $path = $_.FullName; (Get-Acl -LiteralPath $path).GetAccessRules($true, $false, [System.Security.Principal.SecurityIdentifier]) |
    Select-Object -Property @{n='Path';e={$path}}, 'IdentityReference', 'AccessControlType', 'FileSystemRights' } |
  Export-Csv -LiteralPath share-permissions.csv -NoTypeInformation -Encoding UTF8
