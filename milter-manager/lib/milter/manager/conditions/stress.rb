# frozen_string_literal: true

module Milter
  module Manager
    module Conditions
      # Is the manager busy?  Only with an explicit threshold.
      class Stress
        attr_reader :threshold_n_connections

        # 0 or nil: never stressed.
        def threshold_n_connections=(count)
          unless count.nil? || (count.is_a?(Integer) && !count.negative?)
            raise InvalidValue,
                  "stress.threshold_n_connections should be an integer from 0 but was #{count.inspect}"
          end

          @threshold_n_connections = count
        end

        def stressed?(context)
          threshold = @threshold_n_connections || 0
          threshold.positive? && context.n_processing_sessions >= threshold
        end
      end
    end
  end
end
