# frozen_string_literal: true

module Milter
  module Manager
    module Database
      # ActiveRecord and its drivers: found and loaded when a configuration wants
      # them, since they take longer than everything else at a start.
      module Library
        VERSION = "6.1" # whose pool database/pool.rb extends

        # adapter => [driver, Debian package]; each has a file of its own in this directory
        DRIVERS = {
          "sqlite3" => ["sqlite3", "ruby-sqlite3"],
          "postgresql" => ["pg", "ruby-pg"],
          "mysql2" => ["mysql2", "ruby-mysql2"]
        }.freeze

        module_function

        # ActiveRecord alone; again is a no-op.
        def load
          return if @loaded

          need("rubygems", "RubyGems", "ruby-rubygems")
          need("active_record", "ActiveRecord", "ruby-activerecord")
          unless ActiveRecord::VERSION::STRING.start_with?("#{VERSION}.")
            raise ConfigurationError, "database.* works with ActiveRecord #{VERSION}, but " \
                                      "#{ActiveRecord::VERSION::STRING} is installed"
          end
          # All of it, not piece by piece while conditions wait.
          ActiveRecord::Base.name
          ActiveRecord.eager_load!
          require "milter/manager/database/pool"
          require "milter/manager/database/connection"
          Locations.ignore([RbConfig::CONFIG["rubylibprefix"], *Gem.path])
          @loaded = true
        end

        def load_adapter(adapter)
          load
          driver, package = DRIVERS[adapter]
          need(driver, "the database driver #{driver}", package) if driver
          require "active_record/connection_adapters/#{adapter}_adapter"
          driver ? require("milter/manager/database/#{adapter}") : warn_about(adapter)
        rescue LoadError => e
          raise ConfigurationError, "database.type should be one of #{types} or another adapter of " \
                                    "ActiveRecord that is installed but was #{adapter.inspect}: #{e.message}"
        end

        # ---- only after load_adapter

        def default_pool_key
          ["ActiveRecord::Base", ActiveRecord::Base.current_role, ActiveRecord::Base.current_shard]
        end

        def pool_config(options)
          named = ActiveRecord::DatabaseConfigurations::HashConfig.new("default_env", "primary", options)
          ActiveRecord::ConnectionAdapters::PoolConfig.new(ActiveRecord::Base, named)
        end

        # In place of establish_connection, which would tear the former pool's
        # connections out of the hands of those who wait for an answer.
        def install(pool_config)
          name, role, shard = default_pool_key
          managers = ActiveRecord::Base.connection_handler.send(:owner_to_pool_manager)
          managers[name] ||= ActiveRecord::ConnectionAdapters::LegacyPoolManager.new
          managers[name].set_pool_config(role, shard, pool_config)
        end

        # Another database may have other columns.  This is reset_column_information
        # without its connection, for which everybody would have to wait here.
        def forget_columns
          ActiveRecord::Base.descendants.each do |model|
            model.undefine_attribute_methods
            model.send(:reload_schema_from_cache)
            model.send(:initialize_find_by_cache)
          end
        end

        def pools = ActiveRecord::Base.connection_handler.all_connection_pools

        def after_fork = ActiveSupport::ForkTracker.check!

        def need(feature, what, package)
          require feature
        rescue LoadError => e
          raise ConfigurationError, "database.* needs #{what}, which is not installed or cannot be " \
                                    "loaded: on Debian install the package #{package} " \
                                    "(#{PlainWords.message_of(e)})"
        end

        def warn_about(adapter)
          Logger.warning("database.type #{adapter.inspect}: whether its driver lets other sessions go " \
                         "on during a query is not known")
        end

        def types = %w[mysql mysql2 pg sqlite3].inspect
      end
    end
  end
end
