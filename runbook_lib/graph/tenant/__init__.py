"""What the tenant says about itself, part by part; checks on it are pure functions elsewhere.

``read_tenant_state`` gives a ``TenantReading``. Each of its parts is either what was read or an ``Unreadable`` that
says why, so one missing permission makes one part unknown and nothing else.
"""
